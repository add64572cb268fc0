package vendordoc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Transport validates every exchange that passes through it.
type Transport struct {
	Documents *Collection
	Next      http.RoundTripper
	Mount     string      // path in front of the documents' paths, "/netbackup"
	Report    func(error) // is told each breach
}

// RoundTrip implements http.RoundTripper. The exchange itself is never changed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := copyBody(&req.Body)
	if err != nil {
		return nil, err
	}
	resp, err := t.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, cut := copyBody(&resp.Body)
	if cut != nil { // as far as it came, for the client to judge
		resp.Body = &failing{bytes.NewReader(got), cut}
	} else if err := t.check(req, sent, resp, got); err != nil {
		t.Report(fmt.Errorf("%s %s answered %d: %w", req.Method, req.URL, resp.StatusCode, err))
	}
	return resp, nil
}

// failing gives what arrived of a body and then the error that ended it.
type failing struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil {
		err = f.err
	}
	return n, err
}

// Close implements io.Closer.
func (f *failing) Close() error { return nil }

// copyBody reads a body and puts it back.
func copyBody(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	err = errors.Join(err, (*body).Close())
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

func (t *Transport) check(req *http.Request, sent []byte, resp *http.Response, got []byte) error {
	version := versionOf(resp.Header.Get("Content-Type"))
	if version == "" {
		version = versionOf(req.Header.Get("Accept"))
	}
	path := strings.TrimPrefix(req.URL.Path, t.Mount)
	route, err := t.Documents.route(version, req.Method, path)
	if err != nil {
		return err
	}
	again := req.Clone(context.WithoutCancel(req.Context()))
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{
		Request: again, Route: route, PathParams: pathParams(route.Path, path),
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
			RejectWhenRequestBodyNotSpecified: len(sent) > 0,
			SchemaValidationOptions:           []openapi3.SchemaValidationOption{openapi3.EnableFormatValidation()},
		},
	}
	var broken error
	if resp.StatusCode < http.StatusBadRequest { // the server refused the others for what is wrong with them
		broken = errors.Join(checkQuery(again, route), checkAccept(again, route), openapi3filter.ValidateRequest(again.Context(), in))
	}
	return errors.Join(broken, checkResponse(in, resp, got))
}

// checkQuery refuses parameters that the operation does not name; OpenAPI itself does not mind them.
func checkQuery(req *http.Request, route *routers.Route) error {
	var errs []error
	for name := range req.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil {
			errs = append(errs, fmt.Errorf("the query parameter %q: %w", name, ErrUndescribed))
		}
	}
	return errors.Join(errs...)
}

// checkAccept wants a media type that the operation produces.
func checkAccept(req *http.Request, route *routers.Route) error {
	accept, _, err := mime.ParseMediaType(req.Header.Get("Accept"))
	if err != nil {
		return fmt.Errorf("read Accept: %w", err)
	}
	for _, r := range route.Operation.Responses.Map() {
		for produced := range r.Value.Content {
			if base, _, _ := strings.Cut(produced, ";"); base == accept {
				return nil
			}
		}
	}
	if route.Operation.Responses.Status(http.StatusOK) != nil && route.Operation.Responses.Status(http.StatusOK).Value.Content == nil {
		return nil // nothing but errors has a body
	}
	return fmt.Errorf("the media type %q in Accept: %w", accept, ErrUndescribed)
}

func checkResponse(in *openapi3filter.RequestValidationInput, resp *http.Response, got []byte) error {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(got)), Options: in.Options,
	}
	responses := in.Route.Operation.Responses
	described := responses.Status(resp.StatusCode)
	if described == nil && resp.StatusCode < http.StatusBadRequest {
		return fmt.Errorf("the status %d: %w", resp.StatusCode, ErrUndescribed)
	}
	if described == nil {
		out.Status = errorStatus(responses)
	}
	if out.Status == 0 || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/") {
		return checkText(described, resp)
	}
	return openapi3filter.ValidateResponse(in.Request.Context(), out)
}

// errorStatus is a documented error of the operation, whose body all its errors have; 0 if there is none.
func errorStatus(responses *openapi3.Responses) int {
	for _, status := range []int{400, 401, 404, 406, 500} {
		if r := responses.Status(status); r != nil && len(r.Value.Content) > 0 {
			return status
		}
	}
	return 0
}

// checkText wants the media type of a text answer to be documented; a text has no schema.
func checkText(described *openapi3.ResponseRef, resp *http.Response) error {
	t := resp.Header.Get("Content-Type")
	if described == nil || described.Value.Content[t] == nil {
		return fmt.Errorf("the media type %q of the answer: %w", t, ErrUndescribed)
	}
	return nil
}

func pathParams(template, path string) map[string]string {
	names, values := strings.Split(template, "/"), strings.Split(path, "/")
	params := map[string]string{}
	for i, n := range names {
		if strings.HasPrefix(n, "{") {
			params[strings.Trim(n, "{}")] = values[i]
		}
	}
	return params
}

func versionOf(mediaType string) string {
	_, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	return params["version"]
}

// Attributes are the names of data[].attributes, or of data.attributes, that the documents give the
// answer of a path in a media type version, sorted.
func (c *Collection) Attributes(version, path string) ([]string, error) {
	route, err := c.route(version, http.MethodGet, path)
	if err != nil {
		return nil, err
	}
	for _, m := range route.Operation.Responses.Status(http.StatusOK).Value.Content {
		rows := m.Schema.Value.Properties["data"].Value
		if rows.Items != nil {
			rows = rows.Items.Value
		}
		var names []string
		for name := range rows.Properties["attributes"].Value.Properties {
			names = append(names, name)
		}
		slices.Sort(names)
		return names, nil
	}
	return nil, fmt.Errorf("the answer of %s: %w", path, ErrUndescribed)
}
