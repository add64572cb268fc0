package grafana

// columns is the width of a dashboard.
const columns = 24

// line is a row of panels of one height and one width.
type line struct {
	height int
	panels []Panel
}

// lay gives the panels of all lines their ids and places.
func lay(lines ...line) []Panel {
	var all []Panel
	y := 0
	for _, l := range lines {
		width := columns / len(l.panels)
		for i, p := range l.panels {
			p.ID = len(all) + 1
			p.GridPos = Place{H: l.height, W: width, X: i * width, Y: y}
			all = append(all, p)
		}
		y += l.height
	}
	return all
}

// numbers is a line of stats.
func numbers(panels ...Panel) line { return line{4, panels} }

// graphs is a line of graphs.
func graphs(panels ...Panel) line { return line{9, panels} }

// heading names the lines after it, which fold at a click.
func heading(title string) line {
	return line{1, []Panel{{Type: "row", Title: title, Collapsed: new(false), FieldConfig: &Fields{Overrides: []Override{}}}}}
}

// eachSite names the lines after it, which come once for each chosen site.
func eachSite(title string) line {
	l := heading(title)
	l.panels[0].Repeat = "site"
	return l
}

// from bounds the axis below.
func (p Panel) from(least float64) Panel {
	p.FieldConfig.Defaults.Min = &least
	return p
}

// upToAll bounds the axis of a share above.
func (p Panel) upToAll() Panel {
	all := 1.0
	p.FieldConfig.Defaults.Max = &all
	return p
}

// whole shows no decimals.
func (p Panel) whole() Panel {
	none := 0
	p.FieldConfig.Defaults.Decimals = &none
	return p
}

// marked draws the thresholds as lines.
func (p Panel) marked(colors *Thresholds) Panel {
	p.FieldConfig.Defaults.Thresholds = colors
	p.FieldConfig.Defaults.Custom["thresholdsStyle"] = Map{"mode": "line"}
	return p
}

// colored gives the series with a name a colour.
func (p Panel) colored(name, color string) Panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, Override{
		Matcher:    Map{"id": "byName", "options": name},
		Properties: []Map{{"id": "color", "value": Map{"mode": "fixed", "fixedColor": color}}},
	})
	return p
}

// leading makes the panel's values lead to another dashboard, with the same site and time.
func (p Panel) leading(uid, title string) Panel {
	p.FieldConfig.Defaults.Links = []Map{{
		"title": title, "url": "/d/" + uid + "?${site:queryparam}&${datasource:queryparam}&${__url_time_range}",
	}}
	return p
}

// sinking lets the axis go below zero: what is cleaned up is growth the other way.
func (p Panel) sinking() Panel {
	p.FieldConfig.Defaults.Min = nil
	return p
}
