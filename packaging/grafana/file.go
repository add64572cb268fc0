package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Files are the contents of the generated files, by their names, relative to this package. They lead to the documents at a URL.
func Files(documents string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, d := range dashboards(documents) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return nil, fmt.Errorf("write the dashboard %s: %w", d.UID, err)
		}
		files[d.UID+".json"] = b.Bytes()
	}
	return files, nil
}
