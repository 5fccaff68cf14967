package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/store/pgtest"
)

// waitingLead is a form whose answer waits for KeyCRM.
const waitingLead = `creates: order
source_id: 22
map: {buyer: {full_name: "${name}", phone: "${phone}"}}
answer: {wait: 10s}
`

// The answer waits for KeyCRM's id, whichever replica sends; the same post again is answered the same; where KeyCRM says no, the answer
// is the usual one, long before the time is over.
func TestAnswerWaitsForKeyCRM(t *testing.T) {
	t.Parallel()
	for name, replicas := range map[string]int{"SQLite": 1, "PostgreSQL": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arguments []string
			if replicas > 1 {
				server := pgtest.New()
				t.Cleanup(server.Close)
				arguments = []string{"--database", server.Database(t)}
			}
			s := newSite(t, sandbox.Options{}, map[string]string{"waits": waitingLead}, arguments...)
			addresses := []string{s.address}
			for range replicas - 1 {
				addresses = append(addresses, serve(t, s.env, s.args...).address)
			}
			for n, address := range addresses {
				first, id := waited(t, address, "name=Olena", http.StatusCreated)
				if again, same := waited(t, address, "name=Olena", http.StatusCreated); n == 0 && (again != first || same != id) {
					t.Errorf("%s and %s of it are %s and %s for the same post", first, again, id, same)
				}
				if _, told := receipt(t, address, "waits", first); told != id {
					t.Errorf("told %s, and %s at its address", id, told)
				}
			}
			if err := s.crm.Inject(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusUnprocessableEntity}); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			waited(t, s.address, "name=Taras", http.StatusAccepted)
			if took := time.Since(begun); took > 9*time.Second {
				t.Errorf("the visitor waited %s for nothing", took)
			}
		})
	}
}

// waited posts as a script and gives the submission's id and KeyCRM's.
func waited(t *testing.T, address, form string, code int) (id, crmID string) {
	t.Helper()
	response, text := post(t, address+"/forms/waits", form+"&phone=0501112233", "Accept", "application/json")
	var answer struct {
		ID    string      `json:"id"`
		CRMID json.Number `json:"crm_id"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != code || (answer.CRMID != "") != (code == http.StatusCreated) {
		t.Fatalf("%s: %s", response.Status, text)
	}
	return answer.ID, answer.CRMID.String()
}

// receipt reads a submission's address.
func receipt(t *testing.T, address, profile, id string) (status, crmID string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/forms/"+profile+"/"+id, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var told struct {
		Status string      `json:"status"`
		CRMID  json.Number `json:"crm_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	return told.Status, told.CRMID.String()
}
