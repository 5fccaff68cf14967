package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// phpFiles are the script that the relay is compared with, and how nginx and php-fpm are told to run it.
//
//go:embed php
var phpFiles embed.FS

// phpTools are the programs that run a PHP script behind a web server.
type phpTools struct{ nginx, fpm string }

// findPHP looks for the programs, also where Debian puts them beside a user's path, and names what is missing.
func findPHP(ctx context.Context) (tools phpTools, missing []string) {
	tools.nginx = find("nginx", "/usr/sbin/nginx")
	tools.fpm = find("php-fpm", "/usr/sbin/php-fpm*")
	if tools.nginx == "" {
		missing = append(missing, "nginx")
	}
	if tools.fpm == "" {
		return tools, append(missing, "php-fpm")
	}
	modules, err := exec.CommandContext(ctx, tools.fpm, "-m").Output() //nolint:gosec // found above
	if err != nil || !slices.Contains(strings.Fields(string(modules)), "curl") {
		missing = append(missing, "php-curl")
	}
	return tools, missing
}

// find gives the path of a program: from PATH, else the last file that matches the pattern, else "".
func find(name, pattern string) string {
	if file, err := exec.LookPath(name); err == nil {
		return file
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return ""
	}
	return files[len(files)-1]
}

// phpSite is what the configuration files are filled in with.
type phpSite struct {
	Folder, Address, CRM, Token string
	Children                    int
	Root                        bool // both programs want to be told so when root runs them
}

// besidePHP measures the PHP script behind nginx, with a stand-in for KeyCRM of its own that has the same limit and delay.
func (p plan) besidePHP(ctx context.Context, tools phpTools, folder string) (beside, error) {
	crm, err := startCRM(ctx, p.calls, p.window, p.CRMDelay)
	if err != nil {
		return beside{}, err
	}
	defer crm.close()
	address, err := freeAddress(ctx)
	if err != nil {
		return beside{}, err
	}
	site := phpSite{Folder: folder, Address: address, CRM: crm.url(), Token: crmToken, Children: max(p.Visitors, 8), Root: os.Geteuid() == 0}
	if err := site.write(); err != nil {
		return beside{}, err
	}
	for _, process := range site.processes(tools) {
		defer process.end()
		if err := process.start(ctx); err != nil {
			return beside{}, err
		}
	}
	posts, _ := p.flatOut().drive(ctx, target{addresses: []string{"http://" + address}, path: func(profile string) string { return "/" + profile + ".php" }})
	b := measured("PHP script", posts, p.Beside)
	b.Arrived = len(crm.box.Orders()) + len(crm.box.Cards())
	b.Lost = max(b.Acknowledged-b.Arrived, 0)
	return b, ctx.Err()
}

// write puts the scripts and the two configurations into the folder.
func (s phpSite) write() error {
	files, err := fs.ReadDir(phpFiles, "php")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := fs.ReadFile(phpFiles, "php/"+file.Name())
		if err != nil {
			return err
		}
		if strings.HasSuffix(file.Name(), ".conf") {
			if text, err = s.fill(string(text)); err != nil {
				return fmt.Errorf("%s: %w", file.Name(), err)
			}
		}
		if err := os.WriteFile(filepath.Join(s.Folder, file.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s phpSite) fill(text string) ([]byte, error) {
	t, err := template.New("").Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, s)
	return out.Bytes(), err
}

// processes are php-fpm and nginx, in the order in which they are started.
func (s phpSite) processes(tools phpTools) []*process {
	fpm := []string{"--nodaemonize", "--fpm-config", filepath.Join(s.Folder, "fpm.conf")}
	if s.Root {
		fpm = append(fpm, "--allow-to-run-as-root")
	}
	return []*process{
		{program: program{
			name: "php-fpm", path: tools.fpm, args: fpm, log: filepath.Join(s.Folder, "fpm.log"),
			ready: func(line string) bool { return strings.Contains(line, "ready to handle connections") },
		}},
		{program: program{
			name: "nginx", path: tools.nginx, args: []string{"-e", "stderr", "-p", s.Folder, "-c", filepath.Join(s.Folder, "nginx.conf")},
			log:   filepath.Join(s.Folder, "nginx.log"),
			ready: func(line string) bool { return strings.Contains(line, "start worker process ") },
		}},
	}
}
