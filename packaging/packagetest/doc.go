// Package packagetest installs the packages on real systems and watches what happens.
//
// It is tests and nothing else. They build two versions with packaging/build and boot a system for
// them: a container under systemd-nspawn, where sandboxing, notification and watchdog are real, and a
// machine under QEMU, where control groups and a power cut are. The simulated primary server and the receiver
// run in the test itself, on the host's side, so that they survive what is done to the system.
//
// It knows what an administrator knows: package managers, systemctl, the journal and the env file. It
// never knows how the agent works.
//
// What it changes it takes back: a container lives on a volatile overlay in a mount namespace of its own and
// ends with the test, a machine's disk is a temporary file. Only the systems themselves, made by debootstrap
// from the mirror that the host's apt uses, are kept, under the user's cache directory.
//
// As it needs root, it runs only when it is asked for: BACKWIRE_TEST_PACKAGES is "bounded" for what the gate has
// time for, "all" for everything.
package packagetest
