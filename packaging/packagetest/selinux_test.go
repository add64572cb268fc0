package packagetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The module compiles as docs/install.md says, against the reference policy of Debian: each interface that it uses is there,
// and each type of its labels.
func TestSELinuxModuleCompiles(t *testing.T) {
	bounded(t, "make", "checkmodule", "semodule_package", "semodule_unpackage", "policygentool")
	into := t.TempDir()
	for _, name := range []string{"backwire.te", "backwire.fc"} {
		text, err := os.ReadFile(filepath.Join("..", "selinux", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Without a name, it is read from /etc/selinux/config, which a system without SELinux has not.
	command(t, "make", "-C", into, "-f", "/usr/share/selinux/devel/Makefile", "NAME=default", "backwire.pp")
	compiled, contexts := filepath.Join(into, "compiled.mod"), filepath.Join(into, "compiled.fc")
	command(t, "semodule_unpackage", filepath.Join(into, "backwire.pp"), compiled, contexts)
	labelled, err := os.ReadFile(contexts)
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"backwire_exec_t", "backwire_conf_t", "backwire_var_lib_t"} {
		if !strings.Contains(string(labelled), "system_u:object_r:"+label+":s0") {
			t.Errorf("the package of the module labels nothing %s:\n%s", label, labelled)
		}
	}
}
