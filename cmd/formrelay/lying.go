package main

import (
	"context"
	"fmt"

	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// lyingText is the text of a profile as it lies there now, chosen as servers choose it: the folder's before the database's. label says for
// people where that is. The database is asked only when the folder has none.
func lyingText(ctx context.Context, folder, name string, stored func(context.Context) ([]submission.StoredProfile, error)) (text []byte, label string, err error) {
	file, err := inFolder(folder, name)
	if err == nil {
		text, err := readBounded(file, profile.MaxFile)
		return text, file, err
	}
	if !profile.ValidName(name) {
		return nil, "", err
	}
	all, err := stored(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, p := range all {
		if p.Name == name {
			return p.Text, name + " in the database", nil
		}
	}
	return nil, "", fmt.Errorf("there is no profile %s, neither in %s nor in the database: look at its name, or name the folder with --profiles", name, folder)
}
