package api

import (
	"context"
	"strconv"
)

// StatusMessage asks what a job's status means, in the words of the server. No permission is needed.
func (c *Client) StatusMessage(ctx context.Context, status int32) (message string, err error) {
	a, err := c.get(ctx, "/status-codes/"+strconv.Itoa(int(status)), nil)
	if err != nil {
		return "", err
	}
	defer a.release()
	d := c.borrowDecoder("status_code")
	defer c.returnDecoder(d)
	if err := d.document(a.body, func() { message = memberText(d, "statusMessage") }); err != nil {
		return "", c.unreadable(a, "expected the message of a status code", err)
	}
	return message, nil
}
