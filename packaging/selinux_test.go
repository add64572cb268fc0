package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// labels are the types that the module gives to paths, by their regular expressions, which match a whole path.
func labels(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("selinux/backwire.fc")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		_, of, _ := strings.Cut(fields[len(fields)-1], "object_r:")
		found[fields[0]], _, _ = strings.Cut(of, ",")
	}
	return found
}

// What the units run, read and write has a label of the module, and what only begins with such a name has none.
func TestSELinuxLabelsThePathsOfTheUnits(t *testing.T) {
	want := map[string]string{"/etc/backwirex": "", "/usr/bin/backwire-x": "", "/var/lib/backwire2/x": "", "/var/lib/backwire-imported": ""}
	units, err := filepath.Glob("systemd/*.service")
	if err != nil || len(units) < 2 {
		t.Fatalf("units: %q, %v", units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range regexp.MustCompile(`(?m)^(ExecStart|StateDirectory|ConfigurationDirectory)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
			for value := range strings.FieldsSeq(of[2]) {
				switch of[1] {
				case "StateDirectory":
					want["/var/lib/"+value], want["/var/lib/"+value+"/a/b"] = "backwire_var_lib_t", "backwire_var_lib_t"
				case "ConfigurationDirectory":
					want["/etc/"+value], want["/etc/"+value+"/backwire.env"] = "backwire_conf_t", "backwire_conf_t"
				default:
					if strings.HasPrefix(value, "/usr/bin/") {
						want[value] = "backwire_exec_t"
					}
				}
			}
		}
	}
	for path, label := range want {
		got := ""
		for expression, of := range labels(t) {
			if regexp.MustCompile("^(?:" + expression + ")$").MatchString(path) {
				got = of
			}
		}
		if got != label {
			t.Errorf("%s is labelled %q, want %q", path, got, label)
		}
	}
}
