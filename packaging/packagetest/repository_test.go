package packagetest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The repositories as make repository makes them, used by the blocks of the document: apt and dnf install from them, and refuse what was changed
// after it was signed.
func TestRepositories(t *testing.T) {
	bounded(t, append([]string{"aptly", "createrepo_c"}, containerTools...)...)
	dir := t.TempDir()
	command(t, "cp", built(t, "new/*.deb"), built(t, "new/*.rpm"), dir)
	web := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, "repository"))))
	t.Cleanup(web.Close)
	command(t, "env", "REPOSITORY_URL="+web.URL, "SIGNING_KEY_FILE="+filepath.Join(packages(t), "secret.asc"), "../repository", dir)

	c := boot(t, rpmTree, packages(t))
	chapter := blocks(t, "../../docs/install.md")
	apt := strings.ReplaceAll(chapter["from the repository, with apt"], "https://packages.example", web.URL)
	dnf := strings.ReplaceAll(chapter["from the repository, with dnf"], "https://packages.example", web.URL)

	undo := change(t, filepath.Join(dir, "repository/apt/dists/stable/InRelease"), "Label: backwire", "Label: backwired")
	if out := c.refuse(apt); !strings.Contains(out, "BADSIG") && !strings.Contains(out, "invalid") {
		t.Errorf("apt refused a changed index for another reason:\n%s", out)
	}
	undo()
	out := c.run(apt)
	c.isNew(out)
	c.says("dpkg-query -W -f '${source:Upstream-Version}' backwire; apt-cache policy backwire | grep -c "+web.URL, newVersion+"1")
	c.run("apt-get purge -y backwire")

	undo = change(t, filepath.Join(dir, "repository/rpm/repodata/repomd.xml"), "<revision>", "<revision>1")
	if out := c.refuse(dnf); !strings.Contains(out, "repomd.xml GPG signature verification error") {
		t.Errorf("dnf refused a changed index for another reason:\n%s", out)
	}
	undo()
	c.run(dnf)
	c.says("rpm -q --qf '%{VERSION}' backwire", newVersion)
}

// change replaces a text in a file, until undo.
func change(t *testing.T, path, from, to string) (undo func()) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a web server reads it
			t.Fatal(err)
		}
	}
	changed := strings.Replace(string(was), from, to, 1)
	if changed == string(was) {
		t.Fatalf("%s has no %q", path, from)
	}
	write(changed)
	return func() { write(string(was)) }
}
