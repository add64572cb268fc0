package config

// Configured are the names that a command line may mean.
type Configured struct {
	Blocks    []string // of sites, as BACKWIRE_NETBACKUP_SITES lists them; none where there is only one site
	Sites     []string // values of the label site
	Endpoints []string
}

// LoadConfigured reads names alone, for a shell that completes one: whatever else is wrong or missing does not matter.
func LoadConfigured(environ []string, file []Assignment) Configured {
	l := newLoader(environ, file)
	var spec struct {
		NetbackupSites       Names `split_words:"true"`
		RemoteWriteEndpoints Names `split_words:"true"`
	}
	l.fill(newBlock(prefix, ""), &spec)
	found := Configured{Blocks: spec.NetbackupSites, Endpoints: spec.RemoteWriteEndpoints}
	type names struct {
		Name string `ignored:"true"`
		URL  URL    `split_words:"true"`
		Site string `split_words:"true"`
	}
	for _, site := range loadBlocks(l, sitePrefix, spec.NetbackupSites, func(name string) *names { return &names{Name: name} }) {
		if site.Site == "" {
			site.Site = defaultLabel(&Site{Name: site.Name, URL: site.URL})
		}
		if site.Site != "" {
			found.Sites = append(found.Sites, site.Site)
		}
	}
	if len(found.Endpoints) == 0 {
		found.Endpoints = []string{onlyEndpoint}
	}
	return found
}
