package config

// Variable describes one variable, for the reference page, the man page and the commented
// env file, which are generated from it.
type Variable struct {
	Name        string
	Default     string
	Description string
	Secret      bool // its value is never shown
}

// Describe lists every variable in the order of the reference; those of a site and of an
// endpoint are named as for the only block.
func Describe() []Variable {
	var described []Variable
	for _, v := range gather(prefix, &Config{}) {
		described = append(described, describe(v))
		switch v.name {
		case sitePrefix + "_SITES":
			described = append(described, describeAll(sitePrefix, &Site{})...)
		case endpointPrefix + "_ENDPOINTS":
			described = append(described, describeAll(endpointPrefix, &Endpoint{})...)
		}
	}
	return described
}

func describeAll(shared string, spec any) []Variable {
	var described []Variable
	for _, v := range gather(shared, spec) {
		described = append(described, describe(v))
	}
	return described
}

func describe(v variable) Variable {
	_, secret := v.field.Interface().(Secret)
	return Variable{v.name, v.tags.Get("default"), v.tags.Get("desc"), secret}
}
