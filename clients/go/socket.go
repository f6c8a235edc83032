package chimed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// place is where a daemon can listen. If it is the user's own, its directory must be, too.
type place struct {
	path  string
	isOwn bool
}

// places returns where to look for a daemon, the first place first.
func places(env func(string) string, uid int) []place {
	if path := env("CHIMED_SOCKET_PATH"); path != "" {
		return []place{{path, false}}
	}
	var found []place
	if uid != 0 {
		user, temporary := strconv.Itoa(uid), env("TMPDIR")
		if temporary == "" {
			temporary = "/tmp"
		}
		usual := filepath.Join("/run/user", user)
		if runtime := env("XDG_RUNTIME_DIR"); runtime != "" && filepath.Clean(runtime) != usual {
			found = append(found, place{filepath.Join(runtime, "chimed/chimed.sock"), true})
		}
		found = append(found,
			place{filepath.Join(usual, "chimed/chimed.sock"), true},
			place{filepath.Join(temporary, "chimed-"+user, "chimed.sock"), true})
	}
	return append(found, place{"/run/chimed/chimed.sock", false}, place{"/run/chimed/daemon/chimed.sock", false})
}

// isForeign reports whether a directory belongs to another user, is not a directory, or is writable by others.
func isForeign(directory string, uid int) bool {
	info, err := os.Lstat(directory)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || !info.IsDir() || int(stat.Uid) != uid || info.Mode().Perm()&0o022 != 0
}

// dial connects to the first place at which a daemon listens.
func dial(ctx context.Context, places []place) (net.Conn, string, *Error) {
	var failures []string
	advice := ""
	summary := &Error{Code: CodeNoDaemon}
	for _, place := range places {
		if place.isOwn && isForeign(filepath.Dir(place.path), os.Getuid()) {
			failures = append(failures, place.path+": its directory belongs to another user, or others can write to it")
			continue
		}
		path := place.path
		if strings.HasPrefix(path, "@") {
			path = "./" + path // net would take it for an abstract socket
		}
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		switch reason := err; {
		case err == nil:
			return conn, place.path, nil
		case errors.Is(err, syscall.EAGAIN):
			return nil, "", &Error{CodeBusy, "too many connections wait to be accepted at " + path, err}
		case errors.Is(err, os.ErrPermission):
			summary.Code = CodeNotPermitted
			if strings.HasPrefix(path, "/run/chimed/") {
				advice = ". Ask an administrator to run `usermod -aG chimed USER`, then log in again"
			}
			fallthrough
		default:
			var errno syscall.Errno
			if errors.As(err, &errno) {
				reason = errno
			}
			summary.Err = err
			failures = append(failures, fmt.Sprintf("%s: %s", place.path, reason))
		}
	}
	summary.Message = "no daemon found, is chimed running? Tried " + strings.Join(failures, "; ") + advice
	return nil, "", summary
}
