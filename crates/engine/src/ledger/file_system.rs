//! Which file systems a ledger must not lie on: those where another machine writes behind this one's back.

use std::io;
use std::path::Path;

/// Numbers of `statfs`, from Linux's `linux/magic.h` and the file systems' own headers.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 11] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
];

/// Says that a driver in user space serves the files; which one stands in the mount table only.
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// Drivers in user space that put a network or a bucket behind a path.
#[cfg(target_os = "linux")]
const NETWORK_FUSE: [&str; 12] = [
    "sshfs",
    "s3fs",
    "gcsfuse",
    "goofys",
    "rclone",
    "glusterfs",
    "blobfuse",
    "blobfuse2",
    "mount-s3",
    "juicefs",
    "davfs",
    "curlftpfs",
];

/// The kind of the network file system that `path` lies on; `None` for a local one, and for what is not known.
#[cfg(target_os = "linux")]
pub(super) fn network_kind(path: &Path) -> io::Result<Option<String>> {
    // The field is signed or not, and 32 or 64 bits wide, by architecture; the numbers have 32 bits.
    let number = rustix::fs::statfs(path)?.f_type as u32;
    if number == FUSE {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        return Ok(network_fuse(&mounts, path));
    }
    Ok(NETWORK.iter().find(|(known, _)| *known == number).map(|(_, kind)| (*kind).to_owned()))
}

/// Elsewhere there is no check: what macOS and the BSDs call a mount is named in the documentation instead.
#[cfg(not(target_os = "linux"))]
pub(super) fn network_kind(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// Finds the mount that `path` lies below in the text of `/proc/self/mountinfo` (format: proc_pid_mountinfo(5)).
#[cfg(target_os = "linux")]
fn network_fuse(mounts: &str, path: &Path) -> Option<String> {
    let found = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        let kind = after.split(' ').next()?;
        path.starts_with(&point).then_some((point.len(), kind))
    });
    // Of mounts on the same point the last one covers the others.
    let (_, kind) = found.max_by_key(|(len, _)| *len)?;
    let driver = kind.strip_prefix("fuse.")?;
    NETWORK_FUSE.contains(&driver).then(|| kind.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_driver_in_user_space_is_judged_by_the_deepest_mount_above_the_path() {
        let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                      40 22 0:40 / /home/me/far rw - fuse.sshfs host:/ rw\n\
                      41 40 0:41 / /home/me/far/usb rw - fuse.ntfs-3g /dev/sdb1 rw\n\
                      42 22 0:42 / /home/a\\040b rw - fuse.gcsfuse bucket rw\n";
        for (path, kind) in [
            ("/home/me/near", None),
            ("/home/me/far", Some("fuse.sshfs")),
            ("/home/me/far/ledger", Some("fuse.sshfs")),
            ("/home/me/farther", None),
            ("/home/me/far/usb/ledger", None),
            ("/home/a b/ledger", Some("fuse.gcsfuse")),
        ] {
            assert_eq!(network_fuse(mounts, Path::new(path)).as_deref(), kind, "{path}");
        }
    }

    #[test]
    fn a_temporary_folder_of_a_test_is_on_a_local_file_system() {
        assert_eq!(network_kind(&std::env::temp_dir()).expect("it exists"), None);
    }
}
