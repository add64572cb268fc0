package config

import (
	"fmt"
	"slices"
	"strings"
)

// Primary is what trusting a primary server needs of its settings. The file of its certificate authority
// need not be there yet.
type Primary struct {
	Name   string `ignored:"true"` // the block's name, empty for the only one
	URL    URL    `split_words:"true"`
	CAFile string `split_words:"true"`
}

// Variable is the name of one of its settings, such as CA_FILE.
func (p *Primary) Variable(suffix string) string {
	return newBlock(sitePrefix, p.Name).levels[0] + "_" + suffix
}

// LoadPrimary reads the few settings of one primary server, before the rest can be complete. The name
// is a block's, and may be empty where there is only one.
func LoadPrimary(environ []string, file []Assignment, name string) (Primary, error) {
	l := newLoader(environ, file)
	var spec struct {
		NetbackupSites Names `split_words:"true"`
	}
	l.fill(newBlock(prefix, ""), &spec)
	all := loadBlocks(l, sitePrefix, spec.NetbackupSites, func(name string) *Primary { return &Primary{Name: name} })
	if len(l.problems) > 0 {
		return Primary{}, l.problems
	}
	if len(all) == 1 && name == "" {
		return all[0], nil
	}
	i := slices.IndexFunc(all, func(p Primary) bool { return p.Name == name })
	if i < 0 || name == "" {
		return Primary{}, fmt.Errorf("expected the name of a site: %s", choice(spec.NetbackupSites))
	}
	return all[i], nil
}

func choice(names Names) string {
	if len(names) == 0 {
		return sitePrefix + "_SITES lists none"
	}
	return "one of " + strings.Join(names, ", ")
}
