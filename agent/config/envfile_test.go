package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backwire/source/regular"
)

// The expectations are what systemd 252 makes of the same text, read as an os-release by
// systemd-tmpfiles --root, which has the same reader. One differs: until 254 a backslash at
// the end of a comment took the next line with it.
func TestEnvFileQuirks(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"plain":                                {"A=b", "b"},
		"blanks around":                        {"  A = b c \t\n", "b c"},
		"empty":                                {"A=\n", ""},
		"carriage returns":                     {"A=b\r\n", "b"},
		"inline # belongs to the value":        {"A=b # c\n", "b # c"},
		"inline ; belongs to the value":        {"A=b ; c\n", "b ; c"},
		"comments":                             {"# A=x\n ; A=y\nA=b\n#A=z", "b"},
		"a comment continued is no comment":    {"# x \\\nA=b\n", "b"},
		"single quotes keep all":               {`A='b \n "$c" # d '`, `b \n "$c" # d `},
		"double quotes unescape four":          {`A="\"\\\$\` + "`" + `\n"`, `"\$` + "`" + `\n`},
		"double quotes over lines":             {"A=\"b\nc\"", "b\nc"},
		"double quotes continued":              {"A=\"b\\\nc\"", "bc"},
		"single quotes over lines":             {"A='b\nc'", "b\nc"},
		"continued":                            {"A=b\\\nc\n", "bc"},
		"continued keeps blanks":               {"A=b \\\n  c \n", "b   c"},
		"continued at the end of file":         {"A=b\\", "b"},
		"backslash takes the next byte":        {`A=\a\ b\\`, `a b\`},
		"an escaped blank at the end stays":    {"A=b\\ \n", "b "},
		"quotes inside a value are literal":    {`A=b "c" 'd'`, `b "c" 'd'`},
		"quotes join":                          {`A="b"'c'`, "bc"},
		"text behind a quote joins":            {`A="b" c`, "bc"},
		"inline # behind a quote joins too":    {`A="b" # c`, "b# c"},
		"blanks in quotes stay":                {`A=" b " `, " b "},
		"nothing is expanded":                  {"A=$HOME ${B} ~ %h", "$HOME ${B} ~ %h"},
		"an equals sign in the value":          {"A=b=c", "b=c"},
		"a URL":                                {"A=https://h.example:1/p?q=1#f", "https://h.example:1/p?q=1#f"},
		"the last of two":                      {"A=x\nA=b", "b"},
		"UTF-8":                                {"A=Köln", "Köln"},
		"a double-quoted backslash and letter": {`A="\d"`, `\d`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assignments, err := parseEnvFile("f", c.text)
			if err != nil {
				t.Fatal(err)
			}
			last := assignments[len(assignments)-1]
			if last.Name != "A" || last.Value != c.want {
				t.Errorf("%q gives %s=%q, want %q", c.text, last.Name, last.Value, c.want)
			}
		})
	}
}

// What systemd allows and people rarely mean is warned of, by name and line, and is not changed.
func TestEnvFileWarnsOfWhatIsRarelyMeant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`A=b # c`: "holds \" #\"", "A=\t# c": "holds \" #\"", `A="b" # c`: "holds \" #\"",
		`A=CORP\svc`: "has lost a backslash", `A=“b”`: "begins with a curly quote", `A=‘b’`: "begins with a curly quote",
		"A=b#c": "", `A="b # c"`: "", `A='CORP\svc'`: "", `A="CORP\svc"`: "", `A=b\\c`: "", `A=b\ `: "", "A=b\\\nc": "", "A=#b": "", "A=it’s": "", "A=b # c\nA=b": "holds",
	} {
		file, err := parseEnvFile("f", strings.ReplaceAll(text, "A=", "BACKWIRE_NETBACKUP_API_KEY="))
		if err != nil {
			t.Fatal(err)
		}
		c, err := load(append(minimal()[:1], "BACKWIRE_REMOTE_WRITE_URL=https://mimir.example/api/v1/push"), file)
		if err != nil {
			t.Fatal(err)
		}
		warnings := strings.Join(c.Warnings, "\n")
		if told := strings.Contains(warnings, "BACKWIRE_NETBACKUP_API_KEY (f:1) "+want); want != "" && !told || want == "" && warnings != "" {
			t.Errorf("%q warns %q, want %q", text, warnings, want)
		}
	}
}

func TestEnvFileErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"no equals sign":    {"A=b\n\n" + canary + "\n", "f:3: expected NAME=value, found no ="},
		"export":            {"export A=" + canary, "f:1: export is shell syntax"},
		"name with a dash":  {"A=\\\nb\nB-C=" + canary, "f:3: expected NAME=value with a name"},
		"name with a digit": {"1A=" + canary, "f:1: expected NAME=value with a name"},
		"open double quote": {"A=b\nC=\"" + canary + "\nD=e\n", "f:2: the quote that starts here is not closed"},
		"open single quote": {"A='" + canary, "f:1: the quote that starts here is not closed"},
		"zero byte":         {"A=b\nC=\x00" + canary, "f:2: contains a zero byte"},
		"not UTF-8":         {"A=\xff" + canary, "f: not UTF-8"},
		"byte order mark":   {"\ufeffA=" + canary, "f: begins with a byte order mark"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseEnvFile("f", c.text)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error shows the line: %v", err)
			}
		})
	}
}

func TestReadEnvFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backwire.env")
	if err := os.WriteFile(path, []byte("# first\nA=b\\\nc\nD='e'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEnvFile(path)
	for i := range got {
		if got[i].file != path || got[i].mode != 0o600 {
			t.Errorf("%+v", got[i])
		}
		got[i].file, got[i].mode = "", 0
	}
	want := []Assignment{{Name: "A", Value: "bc", Origin: path + ":2"}, {Name: "D", Value: "e", Origin: path + ":4"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Assignment{})); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := ReadEnvFile(path + ".missing"); err == nil || !strings.Contains(err.Error(), path+".missing") {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("A=b\\\nc\nD='e' # f\nG=\"h\\\"\"\n;i")
	f.Fuzz(func(t *testing.T, text string) {
		assignments, err := parseEnvFile("f", text)
		if err != nil && assignments != nil {
			t.Error("an error and assignments")
		}
		for _, a := range assignments {
			if !validName(a.Name) {
				t.Errorf("name %q", a.Name)
			}
		}
	})
}

// A FIFO would hold the agent at its start, a device would fill its memory.
func TestOnlyFilesAreRead(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero"} {
		if _, err := ReadEnvFile(path); !errors.Is(err, regular.ErrNot) {
			t.Errorf("env file %s: %v", path, err)
		}
		if _, err := ReadSecret(File(path)); !errors.Is(err, regular.ErrNot) {
			t.Errorf("secret %s: %v", path, err)
		}
		if _, err := readProtection(File(path)); !errors.Is(err, regular.ErrNot) {
			t.Errorf("web configuration %s: %v", path, err)
		}
	}
}

func TestEnvFileThatOthersReadIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backwire.env")
	if err := os.WriteFile(path, []byte("BACKWIRE_NETBACKUP_URL=https://p.example/netbackup\nBACKWIRE_NETBACKUP_API_KEY=a-key-of-mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode][]string{
		0o600: nil, 0o640: nil, 0o660: nil,
		0o644: {"BACKWIRE_NETBACKUP_API_KEY is in ", "mode 0644"},
		0o604: {"BACKWIRE_NETBACKUP_API_KEY is in ", "mode 0604"},
		0o666: {"can be changed by every user", "BACKWIRE_NETBACKUP_API_KEY is in ", "mode 0666", "chmod o-rwx " + path},
		0o602: {"can be changed by every user", "mode 0602"},
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		file, err := ReadEnvFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := load(nil, file)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(c.Warnings, "\n")
		for _, part := range want {
			if !strings.Contains(all, part) {
				t.Errorf("mode %04o: %q lacks %q", mode, all, part)
			}
		}
		if strings.Contains(all, "a-key-of-mine") || want == nil && strings.Contains(all, "mode") {
			t.Errorf("mode %04o: %q", mode, all)
		}
	}
}

// A URL is a secret where it has a credential in it: before its host, or in its query. Only then is the file that all can read
// worth a warning.
func TestEnvFileWithCredentialInAURL(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"BACKWIRE_REMOTE_WRITE_URL=https://m.example/api/v1/push":                  false,
		"BACKWIRE_REMOTE_WRITE_URL=https://m.example/api/v1/push?token=of-mine":    true,
		"BACKWIRE_REMOTE_WRITE_URL=https://user:of-mine@m.example/api/v1/push":     true,
		"BACKWIRE_REMOTE_WRITE_PROXY_URL=http://proxy.example:3128":                false,
		"BACKWIRE_REMOTE_WRITE_PROXY_URL=http://user:of-mine@proxy.example:3128":   true,
		"BACKWIRE_REMOTE_WRITE_HEADERS=X-Key:of-mine":                              true,
		"BACKWIRE_REMOTE_WRITE_HEADERS=":                                           false,
		"BACKWIRE_INTERVAL=60s":                                                    false,
		"BACKWIRE_REMOTE_WRITE_BEARER_TOKEN_FILE=/etc/backwire/not-the-token-self": false,
	} {
		path := writeSecret(t, "backwire.env", line+"\n", 0o644)
		file, err := ReadEnvFile(path)
		if err != nil {
			t.Fatal(err)
		}
		l := newLoader(nil, file)
		l.warnOfExposed(file)
		warnings := strings.Join(l.warnings, "\n")
		name, _, _ := strings.Cut(line, "=")
		if got := strings.Contains(warnings, name+" is in "); got != want || strings.Contains(warnings, "of-mine") {
			t.Errorf("%s: warnings %q, want one: %v", line, warnings, want)
		}
	}
}
