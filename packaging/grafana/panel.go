package grafana

// Panel is one panel of a dashboard.
type Panel struct {
	ID              int         `json:"id"`
	Type            string      `json:"type"`
	Title           string      `json:"title"`
	Description     string      `json:"description,omitempty"`
	GridPos         Place       `json:"gridPos"`
	Datasource      *Reference  `json:"datasource,omitempty"`
	Targets         []Target    `json:"targets,omitempty"`
	FieldConfig     *Fields     `json:"fieldConfig,omitempty"`
	Options         Map         `json:"options,omitempty"`
	Transformations []Transform `json:"transformations,omitempty"`
	Interval        string      `json:"interval,omitempty"`
	MaxDataPoints   int         `json:"maxDataPoints,omitempty"`
	Repeat          string      `json:"repeat,omitempty"`    // the variable; of a heading alone
	Collapsed       *bool       `json:"collapsed,omitempty"` // of a heading alone
}

// Map is what differs from one kind of panel to the next.
type Map = map[string]any

// Place is where a panel is, in 24 columns.
type Place struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Target is one query.
type Target struct {
	RefID      string     `json:"refId"`
	Datasource *Reference `json:"datasource"`
	Expr       string     `json:"expr"`
	Legend     string     `json:"legendFormat,omitempty"`
	Instant    bool       `json:"instant"`
	Range      bool       `json:"range"`
	Format     string     `json:"format"`
	Exemplar   bool       `json:"exemplar"`
}

// Transform reshapes what the queries return.
type Transform struct {
	ID      string `json:"id"`
	Options Map    `json:"options"`
}

// Fields say how values look.
type Fields struct {
	Defaults  FieldDefaults `json:"defaults"`
	Overrides []Override    `json:"overrides"`
}

// FieldDefaults hold for every value of a panel.
type FieldDefaults struct {
	Unit       string      `json:"unit,omitempty"`
	Decimals   *int        `json:"decimals,omitempty"`
	Min        *float64    `json:"min,omitempty"`
	Max        *float64    `json:"max,omitempty"`
	NoValue    string      `json:"noValue,omitempty"`
	Color      Map         `json:"color,omitempty"`
	Thresholds *Thresholds `json:"thresholds,omitempty"`
	Mappings   []Map       `json:"mappings,omitempty"`
	Links      []Map       `json:"links,omitempty"`
	Custom     Map         `json:"custom,omitempty"`
}

// Thresholds are the values at which the colour changes.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is a colour from a value on; the first has none.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override changes the look of some values.
type Override struct {
	Matcher    Map   `json:"matcher"`
	Properties []Map `json:"properties"`
}

// Grafana's names of the units in use.
const (
	unitShare   = "percentunit"
	unitSeconds = "s"
	unitBytes   = "bytes"
	unitRate    = "Bps"
	unitCount   = "short"
	unitDays    = "d"
)

// Colours by what they say.
const (
	good    = "green"
	warn    = "orange"
	bad     = "red"
	neutral = "text"
)

// step colours what is at or above a value.
func step(color string, from float64) Step { return Step{color, &from} }

func thresholds(base string, steps ...Step) *Thresholds {
	return &Thresholds{"absolute", append([]Step{{Color: base}}, steps...)}
}
