package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"formrelay/deploy"
)

// mostListed is how many rows `formrelay submissions list` gives at most.
const mostListed = 1000

// fleet is the relays of a run, all on one database.
type fleet struct {
	binary    string
	database  string // as --database takes it
	relays    []*process
	addresses []string // http://host:port of each
}

// startFleet lays out the profiles below folder and starts the relays one after the other. The caller kills the fleet, also when
// this fails.
func startFleet(ctx context.Context, p plan, folder, database, crmURL string, gone func(name, how string)) (*fleet, error) {
	f := &fleet{database: database}
	var err error
	if f.binary, err = filepath.Abs(p.Formrelay); err != nil {
		return f, err
	}
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		return f, err
	}
	for i := range p.Replicas {
		address, err := freeAddress(ctx)
		if err != nil {
			return f, err
		}
		name := "relay" + strconv.Itoa(i+1)
		f.addresses = append(f.addresses, "http://"+address)
		f.relays = append(f.relays, &process{program: program{
			name: name, path: f.binary, log: filepath.Join(folder, name+".log"), ready: saysReady, gone: gone,
			env: []string{"KEYCRM_TOKEN=" + crmToken, "KEYCRM_TOKEN_FILE="},
			args: []string{
				"serve", "--listen", address, "--ops-listen", "127.0.0.1:0", "--profiles", profiles, "--database", database,
				"--keycrm-url", crmURL, "--keycrm-pace", p.Pace, "--keycrm-timeout", p.Timeout.String(), "--keycrm-settle", p.Settle.String(),
				"--log-format", "json", "--log-level", "info",
			},
		}})
		if err := f.relays[i].start(ctx); err != nil {
			return f, err
		}
	}
	return f, nil
}

// saysReady tells whether a line of a relay's log says that it serves.
func saysReady(line string) bool {
	var said struct {
		Message string `json:"message"`
	}
	return json.Unmarshal([]byte(line), &said) == nil && said.Message == "ready"
}

// writeProfiles copies the example profiles.
func writeProfiles(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, name := range []string{profileOrder, profileCard} {
		text, err := fs.ReadFile(deploy.Profiles, "profiles/"+name+".yaml")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) target() target {
	return target{addresses: f.addresses, path: func(profile string) string { return "/forms/" + profile }}
}

// kill ends every relay at once.
func (f *fleet) kill() {
	for _, r := range f.relays {
		r.kill()
	}
}

// stop ends every relay as an operator would.
func (f *fleet) stop() error {
	var faults []error
	for _, r := range f.relays {
		faults = append(faults, r.stop())
	}
	return errors.Join(faults...)
}

// resume lets every relay go on.
func (f *fleet) resume() {
	for _, r := range f.relays {
		r.signal(syscall.SIGCONT)
	}
}

// cost is the CPU time of all relays and the most memory one of them held.
func (f *fleet) cost() (cpu time.Duration, peak int64) {
	for _, r := range f.relays {
		c, p := r.cost()
		cpu, peak = cpu+c, max(peak, p)
	}
	return cpu, peak
}

// in gives the submissions in one state, at most limit of them, with the reason where there is one, as `submissions list` tells.
func (f *fleet) in(ctx context.Context, state string, limit int) (map[string]string, error) {
	command := exec.CommandContext(ctx, f.binary, "submissions", "list", "--json", "--state", state, "--limit", strconv.Itoa(limit), "--database", f.database) //nolint:gosec // the caller's own program
	command.SysProcAttr = ownGroup()
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("submissions list: %w: %s", err, bytes.TrimSpace(problems.Bytes()))
	}
	rows := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct {
			ID     string  `json:"id"`
			Reason string  `json:"reason"`
			Error  *string `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("submissions list: %w", err)
		}
		rows[row.ID] = row.Reason
		if row.Error != nil {
			rows[row.ID] = strings.TrimSpace(row.Reason + " " + *row.Error)
		}
	}
	return rows, lines.Err()
}

// ask gives the public status of the submission that a post became, "" when the relay does not know it.
func (f *fleet) ask(ctx context.Context, client *http.Client, p post) (string, error) {
	address := f.addresses[p.seq%len(f.addresses)] + "/forms/" + p.profile + "/" + p.id
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	switch {
	case err != nil:
		return "", err
	case response.StatusCode == http.StatusNotFound:
		return "", nil
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s: %s", address, response.Status)
	}
	var answer struct {
		Status string `json:"status"`
	}
	err = json.Unmarshal(text, &answer)
	return answer.Status, err
}
