package value

import (
	"errors"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no time zones on this machine: %v", err)
	}
	return loc
}

func TestDate(t *testing.T) {
	t.Parallel()
	kyiv := zone(t, "Europe/Kyiv")
	tests := []struct {
		text, utc, day string
		only           bool
	}{
		{"2026-03-04", "2026-03-03 22:00:00", "2026-03-04", true},
		{"2026-3-4", "2026-03-03 22:00:00", "2026-03-04", true},
		{"2026/03/04", "2026-03-03 22:00:00", "2026-03-04", true},
		{"2026.03.04", "2026-03-03 22:00:00", "2026-03-04", true},
		{"04.03.2026", "2026-03-03 22:00:00", "2026-03-04", true},
		{"4.3.2026", "2026-03-03 22:00:00", "2026-03-04", true},
		{"04/03/2026", "2026-03-03 22:00:00", "2026-03-04", true},
		{"04-03-2026", "2026-03-03 22:00:00", "2026-03-04", true},
		{" 04.03.2026 ", "2026-03-03 22:00:00", "2026-03-04", true},
		{"29.02.2024", "2024-02-28 22:00:00", "2024-02-29", true},
		{"15.07.2026", "2026-07-14 21:00:00", "2026-07-15", true},

		{"2026-03-04T09:15", "2026-03-04 07:15:00", "2026-03-04", false}, // an input of type datetime-local
		{"2026-03-04 09:15", "2026-03-04 07:15:00", "2026-03-04", false},
		{"2026-03-04 09:15:30", "2026-03-04 07:15:30", "2026-03-04", false},
		{"2026-03-04T09:15:30.123", "2026-03-04 07:15:30", "2026-03-04", false},
		{"2026-03-04T09:15:30,123456789123", "2026-03-04 07:15:30", "2026-03-04", false},
		{"04.03.2026 09:15", "2026-03-04 07:15:00", "2026-03-04", false},
		{"04.03.2026 9:15", "2026-03-04 07:15:00", "2026-03-04", false},
		{"04.03.2026, 09:15:30", "2026-03-04 07:15:30", "2026-03-04", false}, // toLocaleString("uk-UA")
		{"04/03/2026, 09:15:30", "2026-03-04 07:15:30", "2026-03-04", false}, // toLocaleString("en-GB")
		{"04.03.2026\u00a009:15", "2026-03-04 07:15:00", "2026-03-04", false},
		{"04.03.2026 00:30", "2026-03-03 22:30:00", "2026-03-04", false},
		{"15.07.2026 09:15", "2026-07-15 06:15:00", "2026-07-15", false},

		{"2026-03-04T09:15:30Z", "2026-03-04 09:15:30", "2026-03-04", false},
		{"2026-03-04t09:15:30z", "2026-03-04 09:15:30", "2026-03-04", false},
		{"2026-03-04T09:15:30.5Z", "2026-03-04 09:15:30", "2026-03-04", false}, // Date.toISOString
		{"2026-03-04T09:15Z", "2026-03-04 09:15:00", "2026-03-04", false},
		{"2026-03-04T09:15:30+02:00", "2026-03-04 07:15:30", "2026-03-04", false},
		{"2026-03-04T23:30:00-05:00", "2026-03-05 04:30:00", "2026-03-04", false},
		{"2026-03-04T09:15:30+0530", "2026-03-04 03:45:30", "2026-03-04", false},
		{"2026-03-04 09:15:30 +02", "2026-03-04 07:15:30", "2026-03-04", false},
		{"04.03.2026 09:15 +01:00", "2026-03-04 08:15:00", "2026-03-04", false},
	}
	for _, tt := range tests {
		m, err := Date(tt.text, kyiv)
		if err != nil || m.UTC() != tt.utc || m.Day() != tt.day || m.DateOnly != tt.only {
			t.Errorf("Date(%q) = %s, day %s, date only %v, %v; want %s, %s, %v",
				tt.text, m.UTC(), m.Day(), m.DateOnly, err, tt.utc, tt.day, tt.only)
		}
	}
}

func TestDateRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "завтра", "2026", "2026-03", "03.2026", "20260304", "1772608530",
		"31.02.2026", "29.02.2026", "30.02.2024", "31.04.2026", "00.03.2026", "04.00.2026", "04.13.2026", "03/25/2026", "2026-13-01",
		"04.03.26", "04/03/26", "4.3.26", "04.03.0026", "04.03.1899", "04.03.2101", "2101-01-01", "04.03.20266", "004.03.2026",
		"2026-03/04", "04.03-2026", "04 03 2026", "2026-03-04-05", "2026--04", "-2026-03-04",
		"2026-03-04T", "2026-03-04T9", "2026-03-04T09:1", "2026-03-04T24:00", "2026-03-04T09:60", "2026-03-04T09:15:60",
		"2026-03-04T09:15:3", "2026-03-04T09:15:30.", "2026-03-04T09:15:30.x", "2026-03-04T 09:15x", "2026-03-0409:15", "2026-03-04x09:15",
		"2026-03-04T09:15+2", "2026-03-04T09:15+02:", "2026-03-04T09:15+02:0", "2026-03-04T09:15+15:00", "2026-03-04T09:15+02:60",
		"2026-03-04T09:15:30Zulu", "2026-03-04T09:15:30 EET", "3/4/2026, 9:15:00 AM", "Wed Mar 04 2026 09:15:00",
		"04.03.2026 о 14:30", "від 04.03.2026", "04.03.2026 05.03.2026", "04.03.2026\xff", "٠٤.٠٣.٢٠٢٦",
		"2026-03-04                                                                09:15",
	} {
		if m, err := Date(text, time.UTC); !errors.Is(err, ErrNoDate) || m != (Moment{}) {
			t.Errorf("Date(%q) = %v, %v; want ErrNoDate", text, m, err)
		}
	}
}

func TestDateWhenClocksChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		zone, text string
		utc        []string // any of them is right
		day        string
	}{
		// Kyiv, 2026-03-29: 03:00 becomes 04:00. 2026-10-25: 04:00 becomes 03:00.
		{"Europe/Kyiv", "29.03.2026 02:59", []string{"2026-03-29 00:59:00"}, "2026-03-29"},
		{"Europe/Kyiv", "29.03.2026 03:30", []string{"2026-03-29 00:30:00", "2026-03-29 01:30:00"}, "2026-03-29"},
		{"Europe/Kyiv", "29.03.2026 04:00", []string{"2026-03-29 01:00:00"}, "2026-03-29"},
		{"Europe/Kyiv", "25.10.2026 03:30", []string{"2026-10-25 00:30:00", "2026-10-25 01:30:00"}, "2026-10-25"},
		{"Europe/Kyiv", "25.10.2026", []string{"2026-10-24 21:00:00"}, "2026-10-25"},
		// Beirut, 2026-03-29: midnight becomes 01:00, so the day has no midnight.
		{"Asia/Beirut", "29.03.2026", []string{"2026-03-28 22:00:00"}, "2026-03-29"},
		{"Asia/Beirut", "29.03.2026 00:30", []string{"2026-03-28 22:30:00", "2026-03-28 22:00:00"}, "2026-03-29"},
	}
	for _, tt := range tests {
		m, err := Date(tt.text, zone(t, tt.zone))
		right := false
		for _, utc := range tt.utc {
			right = right || m.UTC() == utc
		}
		if err != nil || !right || m.Day() != tt.day {
			t.Errorf("%s: Date(%q) = %s, day %s, %v; want one of %v, %s", tt.zone, tt.text, m.UTC(), m.Day(), err, tt.utc, tt.day)
		}
	}
	if _, err := Date("30.12.2011", zone(t, "Pacific/Apia")); !errors.Is(err, ErrNoDate) {
		t.Errorf("Samoa had no 30 December 2011: %v", err)
	}
}

func TestDateWithoutLocation(t *testing.T) {
	t.Parallel()
	m, err := Date("2026-03-04 09:15", nil)
	if err != nil || m.UTC() != "2026-03-04 09:15:00" {
		t.Errorf("%v, %v", m, err)
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-03-04", "4.3.2026 9:15", "04/03/2026, 09:15:30.5", "2026-03-04T09:15:30+02:00", "29.03.2026 03:30", "31.02.2026"} {
		f.Add(s)
	}
	kyiv := zone(f, "Europe/Kyiv")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Date(text, kyiv)
		if err != nil {
			return
		}
		if y := m.Time.Year(); y < minYear || y > maxYear {
			t.Fatalf("Date(%q) is in the year %d", text, y)
		}
		day, err := Date(m.Day(), kyiv)
		if err != nil || !day.DateOnly || day.Day() != m.Day() {
			t.Fatalf("Date(%q) is on %s, which reads as %v, %v", text, m.Day(), day, err)
		}
		utc, err := Date(m.UTC(), time.UTC)
		if err != nil && m.Time.UTC().Year() == m.Time.Year() || err == nil && utc.UTC() != m.UTC() {
			t.Fatalf("Date(%q) is %s, which reads as %v, %v", text, m.UTC(), utc, err)
		}
	})
}

func BenchmarkDate(b *testing.B) {
	kyiv := zone(b, "Europe/Kyiv")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Date("04.03.2026 09:15", kyiv); err != nil {
			b.Fatal(err)
		}
	}
}
