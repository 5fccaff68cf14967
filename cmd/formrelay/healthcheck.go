package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"formrelay/internal/config"
)

// healthTimeout is shorter than the three seconds that a container's health check is usually given.
const healthTimeout = 2 * time.Second

type healthcheckCmd struct {
	config.Ops
}

// Run asks the operators' listener of a server on this machine. The error says what to look at.
func (c healthcheckCmd) Run(w *world) error {
	host, port, err := net.SplitHostPort(c.OpsListen)
	if err != nil {
		return usageError{fmt.Errorf("--ops-listen: %q is no address; write host:port", c.OpsListen)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // a listener on every address answers on this one too
	}
	address := "http://" + net.JoinHostPort(host, port) + "/healthz"
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: healthTimeout}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no server answers at %s: is it running, and is --ops-listen the same? (%w)", address, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)); err != nil {
		return fmt.Errorf("the server at %s broke off its answer: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server at %s answers %s: look at its log", address, response.Status)
	}
	return nil
}
