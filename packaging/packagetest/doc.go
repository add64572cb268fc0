// Package packagetest installs the packages on real systems and checks the result.
//
// It contains tests only. They build two versions with packaging/build and boot a system for each test: a
// container under systemd-nspawn, which has real sandboxing, notification and watchdog, or a machine under QEMU,
// which has real control groups and power cuts. The simulated primary server and the receiver run in the test
// itself, on the host, so that they survive changes to the system.
//
// The tests use what an administrator uses: package managers, systemctl, the journal and the env file. They do
// not know how the agent works.
//
// They undo their changes: a container uses a volatile overlay in its own mount namespace, and a machine a
// temporary disk. Only the base systems, made by debootstrap from the mirror of the host's apt, are kept in the
// user's cache directory.
//
// The tests need root, so they run only on request: BACKWIRE_TEST_PACKAGES is "bounded" for the part that the
// gate has time for, or "all".
package packagetest
