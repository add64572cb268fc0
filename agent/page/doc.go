// Package page is what a person sees of an agent: the status page with its overview, charts and tables, status.json,
// the two health checks, and who may ask for them.
//
// It shows what [Facts] gives and nothing else: it reads, and never asks a server, a receiver or the queue. What it
// says of the past is the source's own overview, so that a page of ten thousand clients takes milliseconds. It
// promises that "yes" is said only of what was proven, and that no answer lets a browser load or run anything else.
package page
