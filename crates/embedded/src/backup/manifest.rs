//! What a backup consists of: every file with its size and checksum.

use std::path::{Component, Path, PathBuf};

use disk::{Disk, DiskError, read_all, read_pieces, write_atomically};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BackupError;

pub const MANIFEST: &str = "manifest.jsonl";
const FORMAT: u32 = 1;

/// Deeper than anything that a backup holds, so that a folder that holds itself ends.
const DEPTH_MAX: usize = 8;

/// Who made the backup, and when it was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub format: u32,
    pub program: String,
    pub begun: String,
}

impl About {
    pub fn new(program: &str, begun: Timestamp) -> Self {
        Self { format: FORMAT, program: program.to_owned(), begun: begun.to_rfc3339() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Within the backup, with `/` between folders.
    pub file: String,
    pub bytes: u64,
    /// In lower-case hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
}

/// The last line: how many there are, so that a line that is missing is noticed, and the
/// checksum of all lines before.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct End {
    files: u64,
    bytes: u64,
    sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub about: About,
    pub files: Vec<ManifestFile>,
}

/// Makes the directory a backup: writes down all files that are in it. Returns when that is
/// durable.
pub fn seal(disk: &dyn Disk, dir: &Path, about: About) -> Result<Manifest, BackupError> {
    let mut files = Vec::new();
    for file in files_below(disk, dir)? {
        let (bytes, sha256) = digest(disk, &dir.join(&file))?;
        files.push(ManifestFile { file, bytes, sha256 });
    }
    let manifest = Manifest { about, files };
    write_atomically(disk, &dir.join(MANIFEST), manifest.encode().as_bytes())?;
    Ok(manifest)
}

/// Names of all files but the manifest, in order.
pub fn files_below(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut found = Vec::new();
    collect(disk, dir, String::new(), DEPTH_MAX, &mut found)?;
    found.retain(|file| file != MANIFEST);
    found.sort();
    Ok(found)
}

fn collect(
    disk: &dyn Disk,
    dir: &Path,
    prefix: String,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), DiskError> {
    for entry in disk.list(dir)? {
        let name = format!("{prefix}{}", entry.name);
        if !entry.is_dir {
            found.push(name);
        } else if depth > 0 {
            collect(disk, &dir.join(&entry.name), format!("{name}/"), depth - 1, found)?;
        }
    }
    Ok(())
}

/// Size and checksum of a file.
pub fn digest(disk: &dyn Disk, path: &Path) -> Result<(u64, String), DiskError> {
    let mut hasher = Sha256::new();
    let bytes = read_pieces(disk, path, |piece| {
        hasher.update(piece);
        Ok::<_, DiskError>(())
    })?;
    Ok((bytes, hexadecimal(&hasher.finalize())))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Manifest {
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Self, BackupError> {
        let bytes = match read_all(disk, &dir.join(MANIFEST)) {
            Err(error) if error.is_missing() => return Err(BackupError::NoManifest(dir.to_owned())),
            read => read?,
        };
        let damaged = |reason: String| BackupError::DamagedManifest { dir: dir.to_owned(), reason };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
        let manifest = Self::decode(&text).map_err(damaged)?;
        if manifest.about.format == FORMAT { Ok(manifest) } else { Err(BackupError::Newer(dir.to_owned())) }
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn encode(&self) -> String {
        let mut text = line(&self.about);
        self.files.iter().for_each(|file| text.push_str(&line(file)));
        let sha256 = hexadecimal(&Sha256::digest(text.as_bytes()));
        text.push_str(&line(&End { files: self.files.len() as u64, bytes: self.bytes(), sha256 }));
        text
    }

    fn decode(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix('\n').ok_or("its end is missing")?;
        let start = body.rfind('\n').ok_or("its end is missing")? + 1;
        let end: End = serde_json::from_str(&body[start..]).map_err(|_| "its end is missing")?;
        if hexadecimal(&Sha256::digest(&text.as_bytes()[..start])) != end.sha256 {
            return Err("its own checksum does not fit".to_owned());
        }
        let mut lines = body[..start].lines();
        let about = lines.next().unwrap_or_default();
        let about = serde_json::from_str(about).map_err(|error| format!("its first line: {error}"))?;
        let files: Result<Vec<ManifestFile>, String> = lines.map(file_of).collect();
        Ok(Self { about, files: files? })
    }
}

fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("texts and numbers can be written as JSON");
    text + "\n"
}

/// A name leads nowhere but into the backup, and into the directory that is restored.
fn file_of(line: &str) -> Result<ManifestFile, String> {
    let file: ManifestFile = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let path = PathBuf::from(&file.file);
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside && path.components().next().is_some() {
        Ok(file)
    } else {
        Err(format!("`{}` is not a name within the backup", file.file))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use disk::sim::SimDisk;

    use super::*;

    fn manifest() -> Manifest {
        let file = |file: &str| ManifestFile { file: file.to_owned(), bytes: 5, sha256: "ab".repeat(32) };
        let about = About::new("watchkeeper 0.1.0", Timestamp::from_secs(1_795_423_194));
        Manifest { about, files: vec![file("logs/2026-11-23/000004.seg"), file("state.db")] }
    }

    #[test]
    fn it_is_lines_of_json() {
        let text = manifest().encode();
        let expected =
            "{\"format\":1,\"program\":\"watchkeeper 0.1.0\",\"begun\":\"2026-11-23T08:39:54.000Z\"}";
        assert_eq!(text.lines().next(), Some(expected));
        assert!(text.lines().nth(3).unwrap().starts_with("{\"files\":2,\"bytes\":10,\"sha256\":\""));
        assert_eq!(Manifest::decode(&text).unwrap(), manifest());
    }

    #[test]
    fn every_missing_byte_and_every_flipped_bit_is_noticed() {
        let text = manifest().encode();
        assert!((0..text.len()).all(|end| Manifest::decode(&text[..end]).is_err()));
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            let read = Manifest::decode(&flipped);
            // The counts in the last line only repeat what the lines say.
            assert!(read.is_err() || read.unwrap() == manifest(), "bit {bit}");
        }
    }

    #[test]
    fn a_name_that_leads_out_is_refused() {
        for name in ["../state.db", "/etc/passwd", "a/../../b", ""] {
            let mut odd = manifest();
            odd.files[0].file = name.to_owned();
            let reason = Manifest::decode(&odd.encode()).unwrap_err();
            assert!(reason.contains("is not a name within the backup"), "{reason}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_sha256sum() {
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new("/d")).unwrap();
        write_atomically(&disk, Path::new("/d/f"), b"abc").unwrap();
        let (bytes, sha256) = digest(&disk, Path::new("/d/f")).unwrap();
        assert_eq!((bytes, &sha256[..16]), (3, "ba7816bf8f01cfea"));
    }
}
