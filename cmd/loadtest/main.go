// Command loadtest shows what the relay does under load while things break: it starts the relay and a stand-in for KeyCRM, posts
// forms, kills and stops processes, has KeyCRM fail, waits until all is settled and then asks KeyCRM for every submission.
//
//	loadtest --rate 200/s --for 1m                     # a steady rate
//	loadtest --rate max --for 10s --settle-within 0    # as fast as it goes, KeyCRM left behind
//	loadtest --for 10m --kill-every 5s --faults        # a soak
//
// It ends with exit code 1 when a submission was lost or arrived twice, or KeyCRM's limit was broken. Everything listens on loopback
// only and ends with it.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
