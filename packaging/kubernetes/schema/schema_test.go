package schema

import (
	"os"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The example has the fields and values of the API's own types and no others, and it names only what it has.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../backwire.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var set appsv1.StatefulSet
	if err := yaml.UnmarshalStrict(text, &set); err != nil {
		t.Fatal(err)
	}
	if set.APIVersion != appsv1.SchemeGroupVersion.String() || set.Kind != "StatefulSet" {
		t.Errorf("%s %s", set.APIVersion, set.Kind)
	}
	for name, want := range set.Spec.Selector.MatchLabels {
		if set.Spec.Template.Labels[name] != want {
			t.Errorf("the selector wants %s=%s, the pods have %v", name, want, set.Spec.Template.Labels)
		}
	}
	pod := set.Spec.Template.Spec
	if s := pod.SecurityContext.SeccompProfile.Type; s != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("seccomp %q", s)
	}
	if p := *pod.SecurityContext.FSGroupChangePolicy; p != corev1.FSGroupChangeOnRootMismatch {
		t.Errorf("fsGroupChangePolicy %q", p)
	}
	var volumes []string
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
	}
	for _, claim := range set.Spec.VolumeClaimTemplates {
		volumes = append(volumes, claim.Name)
		if !slices.Equal(claim.Spec.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}) {
			t.Errorf("access modes %q", claim.Spec.AccessModes)
		}
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !slices.Contains(volumes, mount.Name) {
			t.Errorf("the volume %q is mounted, there are %q", mount.Name, volumes)
		}
	}
}
