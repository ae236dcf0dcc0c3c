//! Certificates to trust where the system has none, as in an empty container: those of Mozilla's list, which are
//! built in.
//!
//! The libraries that speak TLS look for the system's bundle, or for the file that `SSL_CERT_FILE` names. A process
//! cannot safely change its own environment once it runs, so it begins again with the variable set.

/// Begins the process again with certificates, where the system has none. Everything else goes on as it is: where it
/// cannot be done, whoever connects with TLS says what is missing.
pub fn provide() {
    #[cfg(target_os = "linux")]
    if !linux::system_has_some()
        && let Ok(file) = linux::in_memory()
    {
        linux::begin_again(&file);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rustix::fs::MemfdFlags;
    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    /// The variables that say where certificates are.
    const FILE: &str = "SSL_CERT_FILE";
    const FOLDER: &str = "SSL_CERT_DIR";
    /// Characters in a line of PEM (RFC 7468).
    const LINE: usize = 64;

    pub(super) fn system_has_some() -> bool {
        let found = openssl_probe::probe();
        let named = [FILE, FOLDER].iter().any(|name| std::env::var_os(name).is_some());
        // It names the usual places, whether they are there or not.
        let file = found.cert_file.is_some_and(|file| file.exists());
        named || file || found.cert_dir.iter().any(|folder| folder.exists())
    }

    /// The certificates in a file that is in memory alone: an empty container has no place to write.
    pub(super) fn in_memory() -> std::io::Result<String> {
        // It stays open when the process begins again.
        let mut file = File::from(rustix::fs::memfd_create("certificates", MemfdFlags::empty())?);
        file.write_all(bundle().as_bytes())?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // Without /proc nobody could read it.
        File::open(&path)?;
        let _stays_open = file.into_raw_fd();
        Ok(path)
    }

    /// All of them in PEM.
    fn bundle() -> String {
        let mut bundle = String::new();
        for certificate in TLS_SERVER_ROOT_CERTS {
            bundle.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in STANDARD.encode(certificate).as_bytes().chunks(LINE) {
                bundle.push_str(&String::from_utf8_lossy(line));
                bundle.push('\n');
            }
            bundle.push_str("-----END CERTIFICATE-----\n");
        }
        bundle
    }

    /// Does not return, unless it fails.
    pub(super) fn begin_again(certificates: &str) {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        if let Ok(program) = std::env::current_exe() {
            let _failed = Command::new(program).arg0(name).args(arguments).env(FILE, certificates).exec();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_bundle_can_be_read_again() {
            let path = in_memory().unwrap();
            let text = std::fs::read_to_string(path).unwrap();
            let found = text.matches("-----BEGIN CERTIFICATE-----\n").count();
            assert!(found > 100 && found == TLS_SERVER_ROOT_CERTS.len());
            assert!(text.lines().all(|line| line.len() <= LINE));
        }
    }
}
