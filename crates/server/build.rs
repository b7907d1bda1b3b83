//! Sees to it that the binary is built again when the page was built again.

fn main() {
    // A folder that is missing would count as changed at every build.
    #[expect(clippy::disallowed_methods, reason = "a build script has no disk to be given")]
    if let Err(error) = std::fs::create_dir_all("../../web/dist") {
        panic!("the folder of the page, web/dist, cannot be made: {error}");
    }
    println!("cargo:rerun-if-changed=../../web/dist");
}
