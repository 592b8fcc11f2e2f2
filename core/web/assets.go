package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed templates
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// templates are parsed at the first page: most daemons never serve one.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(templateFiles, "templates/*.html"))
})

// contentTypes are the static files' types. The machine's own table is not asked.
var contentTypes = map[string]string{".css": "text/css", ".js": "text/javascript", ".png": "image/png"}

// serveStatic serves an embedded file, and reports whether there is one. As in the
// reference a directory leads to itself with a slash, where nothing is.
func (h *handler) serveStatic(w http.ResponseWriter, r *http.Request) bool {
	name := strings.TrimLeft(r.URL.Path, "/")
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !fs.ValidPath(name) || name == "." {
		return false
	}
	data, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		if info, err := fs.Stat(staticFiles, "static/"+name); err == nil && info.IsDir() {
			h.redirect(w, serverURL(r)+"/"+name+"/")
			return true
		}
		return false
	}
	sum := sha256.Sum256(data)
	header := w.Header()
	header.Set("Content-Type", contentTypes[path.Ext(name)])
	// Asked for anew each time, and answered in short while it is the same.
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	return true
}
