package grafana

// step length of the data: the agent pushes once a minute, and a rate needs some of them.
const minute = "1m"

// query is a target over time.
func query(expr, legend string) Target {
	return Target{Datasource: source(), Expr: expr, Legend: legend, Range: true, Format: "time_series"}
}

// now is a target at the end of the time range.
func now(expr, legend string) Target {
	return Target{Datasource: source(), Expr: expr, Legend: legend, Instant: true, Format: "time_series"}
}

// row is a target whose labels become columns.
func row(expr string) Target {
	return Target{Datasource: source(), Expr: expr, Instant: true, Format: "table"}
}

// withJobs asks for the exemplars too: each point then leads to a job by its id.
func (t Target) withJobs() Target {
	t.Exemplar = true
	return t
}

func panel(kind, title, description, unit string, targets []Target) Panel {
	for i := range targets {
		targets[i].RefID = string(rune('A' + i))
	}
	return Panel{
		Type: kind, Title: title, Description: description, Datasource: source(), Targets: targets, Interval: minute,
		FieldConfig: &Fields{Defaults: FieldDefaults{Unit: unit}, Overrides: []Override{}},
	}
}

// stat is one number, coloured by thresholds.
func stat(title, description, unit string, colors *Thresholds, target Target) Panel {
	p := panel("stat", title, description, unit, []Target{target})
	p.FieldConfig.Defaults.Thresholds = colors
	p.FieldConfig.Defaults.Color = Map{"mode": "thresholds"}
	p.FieldConfig.Defaults.NoValue = "none"
	p.Options = Map{
		"colorMode": "background", "graphMode": "none", "textMode": "auto", "orientation": "auto", "justifyMode": "auto",
		"reduceOptions": Map{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p
}

// graph is lines over time.
func graph(title, description, unit string, targets ...Target) Panel {
	p := panel("timeseries", title, description, unit, targets)
	p.FieldConfig.Defaults.Color = Map{"mode": "palette-classic"}
	p.FieldConfig.Defaults.Custom = Map{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false,
		"stacking": Map{"mode": "none", "group": "A"}, "thresholdsStyle": Map{"mode": "off"},
	}
	p.Options = Map{
		"legend":  Map{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": Map{"mode": "multi", "sort": "desc"},
	}
	return p.from(0)
}

// bars are counts of a quarter of an hour each, one on the other.
func bars(title, description, unit string, targets ...Target) Panel {
	p := graph(title, description, unit, targets...)
	p.Interval = "15m"
	p.FieldConfig.Defaults.Custom["drawStyle"] = "bars"
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 80
	p.FieldConfig.Defaults.Custom["stacking"] = Map{"mode": "normal", "group": "A"}
	return p
}

// stacked puts the areas one on the other.
func (p Panel) stacked() Panel {
	p.FieldConfig.Defaults.Custom["stacking"] = Map{"mode": "normal", "group": "A"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	return p
}

// meters are a bar for each series.
func meters(title, description, unit string, colors *Thresholds, target Target) Panel {
	p := panel("bargauge", title, description, unit, []Target{target})
	p.FieldConfig.Defaults.Thresholds = colors
	p.FieldConfig.Defaults.Color = Map{"mode": "thresholds"}
	p.Options = Map{
		"displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color",
		"reduceOptions": Map{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p.from(0)
}

// states show over time what is up and what is down.
func states(title, description string, target Target) Panel {
	p := panel("state-timeline", title, description, "", []Target{target})
	p.FieldConfig.Defaults.Thresholds = thresholds(bad, step(good, 1))
	p.FieldConfig.Defaults.Color = Map{"mode": "thresholds"}
	p.FieldConfig.Defaults.Mappings = []Map{{"type": "value", "options": Map{
		"0": Map{"text": "down", "color": bad, "index": 0}, "1": Map{"text": "up", "color": good, "index": 1},
	}}}
	p.FieldConfig.Defaults.Custom = Map{"fillOpacity": 70, "lineWidth": 0}
	p.Options = Map{
		"showValue": "never", "mergeValues": true, "alignValue": "left", "rowHeight": 0.8,
		"legend": Map{"displayMode": "list", "placement": "bottom", "showLegend": false}, "tooltip": Map{"mode": "single"},
	}
	return p
}

// heat shows a histogram's buckets over time.
func heat(title, description string, target Target) Panel {
	target.Format, target.Legend = "heatmap", "{{le}}"
	p := panel("heatmap", title, description, "", []Target{target})
	p.MaxDataPoints = 100
	p.Options = Map{
		"calculate": false, "cellGap": 1, "yAxis": Map{"unit": unitSeconds}, "rowsFrame": Map{"layout": "auto"},
		"color":     Map{"mode": "scheme", "scheme": "Oranges", "exponent": 0.5, "steps": 64},
		"exemplars": Map{"color": "rgba(90,160,255,0.8)"}, "legend": Map{"show": true}, "tooltip": Map{"mode": "single"},
	}
	return p
}

// column is a column of a table: what it is named in the query and on the screen.
type column struct {
	field, title, unit string
	colors             *Thresholds
}

// table joins its targets by their labels; only the named columns are shown, in their order.
func table(title, description, sortBy string, columns []column, targets ...Target) Panel {
	p := panel("table", title, description, "string", targets)
	p.FieldConfig.Defaults.Custom = Map{"align": "auto", "cellOptions": Map{"type": "auto"}}
	p.Options = Map{
		"showHeader": true, "cellHeight": "sm", "footer": Map{"show": false, "reducer": []string{}},
		"sortBy": []Map{{"displayName": sortBy, "desc": true}},
	}
	var keep []string
	order, titles := Map{}, Map{}
	for i, c := range columns {
		keep = append(keep, c.field)
		order[c.field], titles[c.field] = i, c.title
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, c.override())
	}
	p.Transformations = []Transform{
		{"merge", Map{}},
		{"filterFieldsByName", Map{"include": Map{"names": keep}}},
		{"organize", Map{"indexByName": order, "renameByName": titles, "excludeByName": Map{}}},
	}
	return p
}

// ascending sorts a table the other way.
func (p Panel) ascending() Panel {
	for _, by := range p.Options["sortBy"].([]Map) {
		by["desc"] = false
	}
	return p
}

func (c column) override() Override {
	o := Override{Matcher: Map{"id": "byName", "options": c.title}, Properties: []Map{}}
	if c.unit != "" {
		o.Properties = append(o.Properties, Map{"id": "unit", "value": c.unit})
	}
	if c.colors != nil {
		o.Properties = append(o.Properties,
			Map{"id": "thresholds", "value": c.colors},
			Map{"id": "custom.cellOptions", "value": Map{"type": "color-background", "mode": "basic"}})
	}
	return o
}
