//! Link arguments of the shared library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let family = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // A library with live threads and thread-local destructors must stay mapped after dlclose: where the C library
    // has no __cxa_thread_atexit_impl, unmapping it crashes the host when a thread ends later.
    if matches!(family.as_str(), "linux" | "android" | "freebsd" | "netbsd" | "openbsd") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
