//! A secure front before a site: an authority of the test's own, and a server that passes on what it deciphers.

#![allow(clippy::unwrap_used, reason = "these are tests")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};

/// An authority whose certificate is in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub file: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let unique = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let file = std::env::temp_dir().join(format!("libshotgrid-{}-{unique}-{name}.pem", std::process::id()));
        std::fs::write(&file, issuer.pem()).unwrap();
        Authority { issuer, file }
    }

    /// A server's settings, with a certificate for this name, valid in these years.
    pub fn server(&self, name: &str, years: (i32, i32)) -> rustls::ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        showing(&certificate, &key)
    }

    /// A front of this name before a site on this machine.
    pub fn front(&self, name: &str, site: &str) -> Front {
        Front::new(name, self.server(name, (2020, 2100)), site)
    }
}

/// A server's settings with a certificate that is signed by itself and calls itself an authority, and that certificate.
pub fn authority_as_server(name: &str, years: (i32, i32)) -> (rustls::ServerConfig, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (showing(&certificate, &key), certificate.pem())
}

fn showing(certificate: &rcgen::Certificate, key: &KeyPair) -> rustls::ServerConfig {
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap()
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A secure front. Its threads end when it is dropped.
pub struct Front {
    name: String,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    fn new(name: &str, config: rustls::ServerConfig, site: &str) -> Front {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let site = site.strip_prefix("http://").unwrap().to_owned();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        runtime.spawn(async move {
            while let Ok((incoming, _)) = listener.accept().await {
                let (acceptor, site) = (acceptor.clone(), site.clone());
                tokio::spawn(async move {
                    let mut clear = acceptor.accept(incoming).await.ok()?;
                    let mut behind = TcpStream::connect(site).await.ok()?;
                    tokio::io::copy_bidirectional(&mut clear, &mut behind).await.ok()
                });
            }
        });
        Front {
            name: name.to_owned(),
            address,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> String {
        format!("https://{}:{}", self.name, self.address.port())
    }
}
