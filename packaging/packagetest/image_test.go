package packagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"

	"backwire/source/netbackup/nbusim"
)

// descriptor and the types below are the parts of the OCI image specification 1.1 (image-layout, index, manifest, config) that are used here.
type descriptor struct {
	MediaType   string
	Digest      string
	Size        int64
	Annotations map[string]string
}

type imageConfig struct {
	Architecture, OS string
	Config           struct {
		User            string
		Entrypoint, Cmd []string
		Labels          map[string]string
	}
}

// image is an unpacked archive.
type image struct {
	config imageConfig
	root   string // its files
	size   int64  // of the archive
}

const imageVersion = "0.9.1+3.gabcdef"

// buildImage makes the archive in a copy of the checkout, and unpacks it.
func buildImage(t *testing.T) image {
	t.Helper()
	into, layout, root := t.TempDir(), t.TempDir(), t.TempDir()
	if err := makeFiles(into, "image", "packaging/image amd64", "VERSION="+imageVersion); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(into, "image", "backwire_"+imageVersion+"_amd64.oci.tar")
	command(t, "tar", "-C", layout, "-xf", archive)
	if version, err := os.ReadFile(filepath.Join(layout, "oci-layout")); err != nil || !strings.Contains(string(version), `"imageLayoutVersion": "1.0.0"`) {
		t.Errorf("oci-layout %s, %v", version, err)
	}
	var index, manifest struct {
		SchemaVersion int
		Manifests     []descriptor
		Config        descriptor
		Layers        []descriptor
	}
	readJSON(t, filepath.Join(layout, "index.json"), &index)
	if len(index.Manifests) != 1 || index.SchemaVersion != 2 {
		t.Fatalf("%+v", index)
	}
	if name := index.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; name != "localhost/backwire:0.9.1-3.gabcdef" {
		t.Errorf("the image is named %q", name)
	}
	found := image{root: root}
	readJSON(t, blob(t, layout, index.Manifests[0]), &manifest)
	readJSON(t, blob(t, layout, manifest.Config), &found.config)
	for _, layer := range manifest.Layers {
		command(t, "tar", "-C", root, "--same-owner", "-xpf", blob(t, layout, layer))
	}
	info, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	found.size = info.Size()
	return found
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// blob is the file of a descriptor, whose size and hash are as it says.
func blob(t *testing.T, layout string, d descriptor) string {
	t.Helper()
	path := filepath.Join(layout, "blobs", strings.Replace(d.Digest, ":", "/", 1))
	info, err := os.Stat(path)
	if err != nil || info.Size() != d.Size {
		t.Fatalf("%s: %v, %v", path, info, err)
	}
	if hash := command(t, "sha256sum", path); !strings.HasPrefix(hash, strings.TrimPrefix(d.Digest, "sha256:")) {
		t.Errorf("%s has the hash %s", path, hash)
	}
	return path
}

// stateful is what the test reads of the Kubernetes example; packaging/kubernetes/schema compares it with the API's types.
type stateful struct {
	Spec struct {
		Template struct {
			Spec struct {
				SecurityContext struct {
					User  int `yaml:"runAsUser"`
					Group int `yaml:"fsGroup"`
				} `yaml:"securityContext"`
				Containers []struct {
					Env       []struct{ Name, Value string }
					Startup   probe `yaml:"startupProbe"`
					Liveness  probe `yaml:"livenessProbe"`
					Readiness probe `yaml:"readinessProbe"`
				}
			}
		}
	}
}

type probe struct{ Exec struct{ Command []string } }

// The image runs as the Kubernetes example has it: as its user, on files that it cannot change, with secrets and a volume as a kubelet lays
// them, and its probes say when it is well. What happened arrives.
func TestImageRunsAsInKubernetes(t *testing.T) {
	bounded(t, "unshare", "chroot", "setpriv", "tar")
	i := buildImage(t)
	if i.size > 20_000_000 {
		t.Errorf("the archive has %d bytes", i.size)
	}
	if c := i.config; c.OS != "linux" || c.Architecture != "amd64" || c.Config.User != "65532:65532" ||
		!slices.Equal(c.Config.Entrypoint, []string{"/usr/bin/backwire"}) || !slices.Equal(c.Config.Cmd, []string{"run"}) ||
		c.Config.Labels["org.opencontainers.image.version"] != imageVersion {
		t.Errorf("%+v", c)
	}
	if found := command(t, "find", i.root, "-mindepth", "1", "(", "-user", "65532", "-o", "-perm", "/7000", "-o", "-perm", "-o=w", ")", "-printf", "%P %m\n"); found != "tmp 1777\nvar/lib/backwire 700\n" && found != "var/lib/backwire 700\ntmp 1777\n" {
		t.Errorf("beside its queue and /tmp the user can write to:\n%s", found)
	}
	text, err := os.ReadFile("../kubernetes/backwire.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var set stateful
	if err := yaml.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	pod := set.Spec.Template.Spec
	if user := fmt.Sprintf("%d:%d", pod.SecurityContext.User, pod.SecurityContext.Group); user != i.config.Config.User {
		t.Errorf("the example runs as %s", user)
	}
	site := newSite(t, "127.0.0.1")
	host := kubelet(t, i.root, site)
	env := []string{"BACKWIRE_INTERVAL=1s", "BACKWIRE_BACKFILL=1h", "BACKWIRE_LISTEN=" + freeAddress(t)}
	settings := site.settings()
	for _, v := range pod.Containers[0].Env {
		if own, after, found := strings.Cut(settings, v.Name+"="); found && !strings.Contains(own, "#") {
			v.Value, _, _ = strings.Cut(after, "\n")
		}
		env = append(env, v.Name+"="+v.Value)
	}
	agent := host(env, append(i.config.Config.Entrypoint, i.config.Config.Cmd...))
	log := new(bytes.Buffer)
	agent.Stdout, agent.Stderr = log, log
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			_ = agent.Process.Kill()
			_ = agent.Wait()
		}
		if t.Failed() {
			t.Logf("the agent said:\n%s", log)
		}
	})
	for name, p := range map[string]probe{"startup": pod.Containers[0].Startup, "liveness": pod.Containers[0].Liveness, "readiness": pod.Containers[0].Readiness} {
		await(t, name, func() error {
			out, err := host(env, p.Exec.Command).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	}
	site.settle(t)
	_ = agent.Process.Signal(syscall.SIGTERM)
	if err := agent.Wait(); err != nil {
		t.Errorf("after a stop: %v", err)
	}
	ended = true
	if out, err := host(env, pod.Containers[0].Liveness.Exec.Command).CombinedOutput(); err == nil {
		t.Errorf("the probe of an agent that has ended is well: %s", out)
	}
	if found := command(t, "stat", "-c", "%a", filepath.Join(i.root, "../volume/queue")); found != "700\n" && found != "2700\n" {
		t.Errorf("the queue has the mode %s", found)
	}
}

// kubelet lays the volume and the secrets, and returns what runs a command in the image with them.
func kubelet(t *testing.T, root string, s *site) func(env, args []string) *exec.Cmd {
	t.Helper()
	volume, secrets := filepath.Join(root, "../volume"), filepath.Join(root, "../secrets")
	// A secret is a link to a link; its files are root's and the fsGroup's, as is the volume, with a group that may write.
	command(t, "sh", "-ec", `mkdir -p "$1" "$2/..2026"; chown 0:65532 "$1" "$2" "$2/..2026"; chmod 2775 "$1"; chmod 3777 "$2"
		ln -s ..2026 "$2/..data"
		for f in api-key netbackup-ca.pem token; do ln -s "..data/$f" "$2/$f"; done`, "sh", volume, secrets)
	for name, content := range map[string]string{"api-key": nbusim.DefaultKey, "netbackup-ca.pem": string(s.primary.CA()), "token": "t"} {
		path := filepath.Join(secrets, "..2026", name)
		if err := os.WriteFile(path, []byte(content), 0o440); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chown(path, 0, 65532), os.Chmod(path, 0o440)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost "+primaryName+"\n"), 0o644); err != nil { //nolint:gosec // everybody reads it
		t.Fatal(err)
	}
	const enter = `mount --bind "$1" "$1"
		mount -o remount,bind,ro "$1"
		mount --bind "$2" "$1/var/lib/backwire"
		mount --bind "$3" "$1/etc/backwire"
		cd "$1" && shift 3
		exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= . "$@"`
	return func(env, args []string) *exec.Cmd {
		c := exec.Command("unshare", append([]string{"--mount", "sh", "-ec", enter, "sh", root, volume, secrets}, args...)...)
		c.Env = append(slices.Clone(env), "PATH="+os.Getenv("PATH")) // of the tools that lead there
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return c
	}
}

// freeAddress is one on loopback where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// The document's block copies the image to a registry, which is crane's, and the image there has its user.
func TestImageIsCopiedToARegistry(t *testing.T) {
	full(t, "the gate does without skopeo", "skopeo")
	into, tools := t.TempDir(), t.TempDir()
	if err := makeFiles(into, "dist", "packaging/image amd64", "VERSION=1.0.0"); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../image")
	if err != nil {
		t.Fatal(err)
	}
	crane := regexp.MustCompile(`(?m)^CRANE=(.*)$`).FindSubmatch(script)
	command(t, "env", "GOBIN="+tools, "go", "install", string(crane[1]))
	registry := freeAddress(t)
	serve := exec.Command(filepath.Join(tools, "crane"), "registry", "serve", "--address", registry)
	serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	block := blocks(t, "../../docs/container.md")["to a registry"]
	block = strings.NewReplacer("skopeo copy", "skopeo copy --dest-tls-verify=false", "registry.example", registry).Replace(block)
	await(t, "the copy", func() error {
		c := exec.Command("sh", "-c", block)
		c.Dir = into
		out, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if config := command(t, filepath.Join(tools, "crane"), "config", registry+"/backwire:1.0.0"); !strings.Contains(config, `"User":"65532:65532"`) {
		t.Errorf("the registry has %s", config)
	}
}

// The Kubernetes example is what the API's types allow.
func TestKubernetesExample(t *testing.T) {
	full(t, "the types of the Kubernetes API take a minute to compile", "go")
	t.Log(command(t, "go", "-C", "../kubernetes/schema", "test", "-count=1", "."))
}
