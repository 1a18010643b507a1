//! One TLS configuration for everything: rustls over ring, the operating system's trust store, extra CA files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::error::{Error, Result};
use super::status::Status;

/// The variable that names a CA file where no option does, as for the official client.
const CA_FILE_VARIABLE: &str = "SHOTGUN_API_CACERTS";

/// The variables that name what stands for the machine's trust store.
const STORE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How long what was read of the machine's trust store is good for other clients: many are made at once. Later ones see what has changed.
const STORE_IS_FRESH: Duration = Duration::from_secs(60);

/// The authorities of the CA file that a client names, or the environment does; none where neither does.
pub(super) fn extra_authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    match ca_file.map(Path::to_owned).or_else(ca_file_from_environment) {
        Some(path) => certificates(&path),
        None => Ok(Vec::new()),
    }
}

/// The configuration for a client that trusts the machine's authorities and these.
pub(super) fn configuration(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let no_roots = |error: rustls::Error| {
        Error::new(
            Status::TlsNoRoots,
            format!("there are no trusted certificates on this machine ({error}); name a CA file"),
        )
    };
    let verifier = match extra.is_empty() {
        true => machines_own().map_err(no_roots)?,
        false => Arc::new(Verifier::new_with_extra_roots(extra.clone(), provider.clone()).map_err(no_roots)?),
    };
    let verifier = Trust { verifier, extra };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Status::Internal, format!("the TLS provider has no protocol version: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// What was read of the machine's trust store last, as long as a client has it.
struct Store {
    read: Instant,
    /// What its place was named by.
    named: [Option<OsString>; STORE_VARIABLES.len()],
    verifier: Weak<Verifier>,
}

/// Checks by the machine's trust store alone.
fn machines_own() -> std::result::Result<Arc<Verifier>, rustls::Error> {
    static STORE: Mutex<Option<Store>> = Mutex::new(None);
    // Who comes meanwhile waits here, and does not read the same files.
    let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    let named = STORE_VARIABLES.map(std::env::var_os);
    let known = store
        .as_ref()
        .filter(|store| store.named == named && store.read.elapsed() < STORE_IS_FRESH);
    if let Some(verifier) = known.and_then(|store| store.verifier.upgrade()) {
        return Ok(verifier);
    }
    let verifier = Arc::new(Verifier::new(Arc::new(rustls::crypto::ring::default_provider()))?);
    *store = Some(Store {
        read: Instant::now(),
        named,
        verifier: Arc::downgrade(&verifier),
    });
    Ok(verifier)
}

/// Checks certificates as webpki does, but for a self-signed one that calls itself an authority, as `openssl req -x509` makes
/// them. webpki takes none of those for a site's; here it is good if it is, byte for byte, in the CA file.
#[derive(Debug)]
struct Trust {
    verifier: Arc<Verifier>,
    extra: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let checked = self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            // webpki looks at the dates before it looks at this.
            Err(error) if is_authority_as_site(&error) && self.extra.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Whether a certificate was refused because it calls itself an authority and not a site.
pub(super) fn is_authority_as_site(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn ca_file_from_environment() -> Option<PathBuf> {
    std::env::var_os(CA_FILE_VARIABLE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text =
        std::fs::read(path).map_err(|error| Error::new(Status::Io, format!("the CA file {} cannot be read: {error}", path.display())))?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| Error::invalid_argument(format!("the CA file {} is no PEM file of certificates: {error}", path.display())))?;
    if found.is_empty() {
        return Err(Error::invalid_argument(format!(
            "the CA file {} holds no certificate in PEM form",
            path.display()
        )));
    }
    Ok(found)
}

/// A configuration that trusts nobody, for clients that will make no secure connection.
pub(super) fn without_roots() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Status::Internal, format!("the TLS provider has no protocol version: {error}")))?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_live_together_share_what_was_read() {
        // A machine without a trust store has nothing to share.
        let Ok(first) = machines_own() else { return };
        let together = machines_own().unwrap();
        assert!(Arc::ptr_eq(&first, &together));
        let read = Arc::downgrade(&first);
        drop((first, together));
        assert!(read.upgrade().is_none(), "it is kept for nobody");
    }
}
