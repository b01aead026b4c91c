"""Why the system refused a file or an address, in words: the one table of errno's that people read."""

import errno
import os

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EISDIR: "is a folder, not a file",
    errno.ENOTDIR: "is a file, or lies below one, and should be a folder",
    errno.EEXIST: "is a file, and should be a folder",
    errno.EROFS: "is on a file system that is mounted read-only",
    errno.ENOSPC: "is on a disk that is full",
    errno.EDQUOT: "is over its quota",
    errno.ENAMETOOLONG: "is too long a name",
    errno.ELOOP: "is a symbolic link that leads to itself",
    errno.EMFILE: "cannot be opened: this process has too many files open",
    errno.ENFILE: "cannot be opened: this machine has too many files open",
    errno.EADDRINUSE: "is taken by another program",
    errno.EADDRNOTAVAIL: "is no address of this machine",
}


def reason(error: OSError) -> str:
    """A clause whose subject is the file or the address: `is a folder, not a file`."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"is closed to this user (user id {os.geteuid()})"
    return _REASONS.get(error.errno or 0) or f"cannot be used ({error.strerror or type(error).__name__})"
