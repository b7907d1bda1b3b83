//! Which mounts and block devices are disks that somebody would call disks. Pure.

/// One line of the mount table, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub device: String,
    pub mountpoint: String,
    pub fstype: String,
    /// Major and minor number: two mounts of one filesystem share it.
    pub number: String,
}

/// Filesystems on disks without a device of their own in `/dev`.
const POOLED: [&str; 3] = ["zfs", "btrfs", "bcachefs"];

/// Images that are full by construction.
const IMAGES: [&str; 4] = ["squashfs", "iso9660", "erofs", "udf"];

/// The mounts of real disks, each filesystem once (at its shortest mount point), in order of
/// mount points. The root is always among them, even when it is an overlay in a container.
/// Network filesystems are left out: asking one whose server is gone would never return.
pub(crate) fn real_disks(mounts: impl IntoIterator<Item = Mount>) -> Vec<Mount> {
    let mut kept: Vec<Mount> = Vec::new();
    for mount in mounts {
        // What is mounted over something at the same place hides it, disk or not.
        kept.retain(|other| other.mountpoint != mount.mountpoint);
        kept.push(mount);
    }
    kept.retain(is_real);
    kept.sort_by(|a, b| (a.mountpoint.len(), &a.mountpoint).cmp(&(b.mountpoint.len(), &b.mountpoint)));
    let mut seen = std::collections::BTreeSet::new();
    kept.retain(|mount| seen.insert(mount.number.clone()));
    kept.sort_by(|a, b| a.mountpoint.cmp(&b.mountpoint));
    kept
}

fn is_real(mount: &Mount) -> bool {
    let on_disk = mount.device.starts_with("/dev/") || POOLED.contains(&mount.fstype.as_str());
    mount.mountpoint == "/" || (on_disk && !IMAGES.contains(&mount.fstype.as_str()))
}

/// Whole disks only: partitions repeat them, and loops and RAM disks are none.
pub(crate) fn is_whole_disk(device: &str) -> bool {
    let stem = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let ends_in_number = stem.len() < device.len();
    if ["loop", "ram", "zram", "fd"].contains(&stem) {
        return false;
    }
    let lettered = ["sd", "hd", "vd", "xvd"].iter().any(|kind| {
        stem.strip_prefix(kind)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase()))
    });
    let numbered = ["nvme", "mmcblk"].iter().any(|kind| device.starts_with(kind));
    !(ends_in_number && (lettered || (numbered && stem.ends_with('p'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(device: &str, mountpoint: &str, fstype: &str, number: &str) -> Mount {
        Mount {
            device: device.into(),
            mountpoint: mountpoint.into(),
            fstype: fstype.into(),
            number: number.into(),
        }
    }

    fn check(mounts: &[(&str, &str, &str, &str)], expected: &[&str]) {
        let mounts =
            mounts.iter().map(|(device, point, fstype, number)| mount(device, point, fstype, number));
        let points: Vec<String> = real_disks(mounts).into_iter().map(|mount| mount.mountpoint).collect();
        assert_eq!(points, expected);
    }

    #[test]
    fn memory_and_kernel_filesystems_are_no_disks() {
        check(
            &[
                ("/dev/vda", "/", "ext4", "254:0"),
                ("proc", "/proc", "proc", "0:21"),
                ("tmpfs", "/dev/shm", "tmpfs", "0:23"),
                ("/dev/vdb", "/srv", "xfs", "254:16"),
            ],
            &["/", "/srv"],
        );
    }

    #[test]
    fn an_overlay_counts_only_as_the_root() {
        check(
            &[("overlay", "/", "overlay", "0:50"), ("overlay", "/var/lib/x/merged", "overlay", "0:51")],
            &["/"],
        );
    }

    #[test]
    fn a_filesystem_mounted_twice_counts_once_at_its_shortest_place() {
        check(
            &[
                ("/dev/vda", "/var/lib/data/bind", "ext4", "254:0"),
                ("/dev/vda", "/", "ext4", "254:0"),
                ("/dev/vdb", "/mnt/long/place", "ext4", "254:16"),
                ("/dev/vdb", "/mnt/place", "ext4", "254:16"),
            ],
            &["/", "/mnt/place"],
        );
    }

    #[test]
    fn images_and_network_filesystems_are_left_out() {
        check(
            &[
                ("/dev/loop1", "/snap/core/1", "squashfs", "7:1"),
                ("server:/home", "/home", "nfs4", "0:60"),
                ("tank/data", "/tank", "zfs", "0:61"),
            ],
            &["/tank"],
        );
    }

    #[test]
    fn a_disk_under_a_network_filesystem_is_not_asked_for() {
        check(
            &[
                ("/dev/vda", "/", "ext4", "254:0"),
                ("/dev/vdb", "/home", "ext4", "254:16"),
                ("server:/home", "/home", "nfs4", "0:60"),
            ],
            &["/"],
        );
    }

    #[test]
    fn only_whole_disks_are_counted() {
        for disk in ["sda", "vdb", "nvme0n1", "mmcblk0", "dm-0", "md127", "sr0"] {
            assert!(is_whole_disk(disk), "{disk}");
        }
        for other in ["sda1", "xvda12", "nvme0n1p2", "mmcblk0p1", "loop0", "ram1", "zram0", "fd0"] {
            assert!(!is_whole_disk(other), "{other}");
        }
    }
}
