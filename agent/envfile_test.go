package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestEnvFileErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"no equals sign":    {"A=b\n\n" + canary + "\n", "f:3: expected NAME=value, found no ="},
		"export":            {"export A=" + canary, "f:1: export is the shell's"},
		"name with a dash":  {"A=\\\nb\nB-C=" + canary, "f:3: expected NAME=value with a name"},
		"name with a digit": {"1A=" + canary, "f:1: expected NAME=value with a name"},
		"open double quote": {"A=b\nC=\"" + canary + "\nD=e\n", "f:2: the quote that opens here is never closed"},
		"open single quote": {"A='" + canary, "f:1: the quote that opens here is never closed"},
		"zero byte":         {"A=b\nC=\x00" + canary, "f:2: holds a zero byte"},
		"not UTF-8":         {"A=\xff" + canary, "f: not UTF-8"},
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
	want := []Assignment{{"A", "bc", path + ":2"}, {"D", "e", path + ":4"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
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
