//! A file that another takes the place of.

#[cfg(target_os = "linux")]
use std::fs::{File, Metadata};
use std::path::Path;

/// How large a file is that is worth it.
#[cfg(target_os = "linux")]
const LARGE: u64 = 16 << 20;

/// Keeps a large file until this is dropped, though it has no name any more. To free what it had on the disk and in memory takes as long as a
/// quarter of its download, which nobody needs to wait for.
pub(super) struct Replaced {
    #[cfg(target_os = "linux")]
    file: Option<File>,
}

impl Replaced {
    #[cfg(target_os = "linux")]
    pub(super) fn of(target: &Path) -> Replaced {
        use std::os::unix::fs::OpenOptionsExt;

        // It is only held, not read: whoever may not read it may hold it.
        let held = || File::options().read(true).custom_flags(libc::O_PATH).open(target).ok();
        Replaced {
            file: std::fs::metadata(target).is_ok_and(|file| is_worth_it(&file)).then(held).flatten(),
        }
    }

    /// Lets go of it on a thread for files.
    pub(super) fn free_behind(self) {
        #[cfg(target_os = "linux")]
        if let (Some(file), Ok(runtime)) = (self.file, tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(file));
        }
    }

    /// Elsewhere it is left to the system.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_: &Path) -> Replaced {
        Replaced {}
    }
}

/// Whether it is large, and on a device: NFS gives a file that is held and has no name another name in its folder, which cannot be removed as long.
/// What is on no single device (also btrfs and overlayfs) has a number of the kind 0.
#[cfg(target_os = "linux")]
fn is_worth_it(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    file.is_file() && file.len() >= LARGE && libc::major(file.dev()) != 0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_large_file_is_there_until_it_is_let_go_of_and_a_small_one_is_not() {
        let folder = std::env::temp_dir().join(format!("libshotgrid-{}-replaced", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (target, next) = (folder.join("file"), folder.join("next"));
        let is_held = || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
                .any(|path| path.to_string_lossy() == format!("{} (deleted)", target.display()))
        };
        let on_a_disk = libc::major(std::fs::metadata(&folder).unwrap().dev()) != 0;
        for (length, expected) in [(LARGE, true), (LARGE - 1, false)] {
            File::create(&target).unwrap().set_len(length).unwrap();
            File::create(&next).unwrap();
            let replaced = Replaced::of(&target);
            std::fs::rename(&next, &target).unwrap();
            assert_eq!(is_held(), expected && on_a_disk, "{length}");
            drop(replaced);
            assert!(!is_held());
        }
        drop(Replaced::of(&folder.join("none")));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
