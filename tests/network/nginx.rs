//! nginx with TLS before the site, and certificates of every kind.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::lab::{Ending, PLAIN, THERE, start, wait_for};

/// Where nginx listens.
pub mod port {
    pub const GOOD: u16 = 9001;
    /// The storage behind the site.
    pub const FILES: u16 = 9002;
    pub const UNKNOWN: u16 = 9003;
    pub const EXPIRED: u16 = 9004;
    pub const EARLY: u16 = 9005;
    pub const ELSEWHERE: u16 = 9006;
    pub const SELF_SIGNED: u16 = 9007;
    pub const SELF_SIGNED_AUTHORITY: u16 = 9008;
    pub const TLS12: u16 = 9009;
    pub const TLS13: u16 = 9010;
    pub const TLS11: u16 = 9011;
    pub const TLS10: u16 = 9012;
    pub const WANTS_CLIENT: u16 = 9013;
    pub const BY_ADDRESS: u16 = 9014;
    pub const RESUMED12: u16 = 9015;
    pub const RESUMED13: u16 = 9016;
    pub const SELF_SIGNED_EXPIRED: u16 = 9017;
    pub const SELF_SIGNED_ELSEWHERE: u16 = 9018;
}

/// nginx, and the certificates that it shows.
pub struct Nginx {
    _program: Ending,
    pub folder: PathBuf,
    /// The authority that most certificates are signed by.
    pub ca: PathBuf,
    pub other_ca: PathBuf,
}

impl Nginx {
    pub fn start(folder: &Path) -> Nginx {
        let folder = folder.to_owned();
        let ca = Authority::new("ours");
        let other = Authority::new("other");
        let years = (2020, 2100);
        let mut text = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log {0}/error.log;\nevents {{}}\nhttp {{\n\
             log_format tls '$ssl_session_reused $ssl_protocol $request';\naccess_log off; client_max_body_size 0;\n\
             client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;\n",
            folder.display()
        );
        let mut serve = |port: u16, name: &str, made: &Made, more: &str| {
            let base = format!("{}/{port}-{name}", folder.display());
            std::fs::write(format!("{base}.pem"), &made.chain).unwrap();
            std::fs::write(format!("{base}.key"), &made.key).unwrap();
            let plain = format!("http://{THERE}:{PLAIN}/");
            let files = format!("https://files.test:{}/", port::FILES);
            writeln!(
                text,
                "server {{ listen {THERE}:{port} ssl; server_name {name}; ssl_certificate {base}.pem; ssl_certificate_key {base}.key;\n\
                 {more}\nlocation / {{ proxy_pass {plain}; proxy_set_header Accept-Encoding ''; proxy_request_buffering off;\n\
                 proxy_redirect {plain} {files}; sub_filter '{plain}' '{files}'; sub_filter_types *; sub_filter_once off; }} }}"
            )
            .unwrap();
        };
        let log = format!(
            "access_log {}/tls.log tls; keepalive_timeout 0; ssl_session_cache shared:a:1m;",
            folder.display()
        );
        let old = "ssl_ciphers ALL:@SECLEVEL=0;";
        let mine = ca.signs("site.test", years);
        serve(port::GOOD, "site.test", &mine, "");
        serve(port::GOOD, "other.site.test", &ca.signs("other.site.test", years), "");
        serve(port::FILES, "files.test", &ca.signs("files.test", years), "");
        serve(port::UNKNOWN, "site.test", &other.signs("site.test", years), "");
        serve(port::EXPIRED, "site.test", &ca.signs("site.test", (2020, 2021)), "");
        serve(port::EARLY, "site.test", &ca.signs("site.test", (2099, 2100)), "");
        serve(port::ELSEWHERE, "site.test", &ca.signs("elsewhere.test", years), "");
        serve(port::SELF_SIGNED, "site.test", &self_signed("site.test", false, years), "");
        serve(port::SELF_SIGNED_AUTHORITY, "site.test", &self_signed("site.test", true, years), "");
        serve(
            port::SELF_SIGNED_EXPIRED,
            "site.test",
            &self_signed("site.test", true, (2020, 2021)),
            "",
        );
        serve(
            port::SELF_SIGNED_ELSEWHERE,
            "site.test",
            &self_signed("elsewhere.test", true, years),
            "",
        );
        serve(port::TLS12, "site.test", &mine, "ssl_protocols TLSv1.2;");
        serve(port::TLS13, "site.test", &mine, "ssl_protocols TLSv1.3;");
        serve(port::TLS11, "site.test", &mine, &format!("ssl_protocols TLSv1.1; {old}"));
        serve(port::TLS10, "site.test", &mine, &format!("ssl_protocols TLSv1; {old}"));
        let wants = format!("ssl_verify_client on; ssl_client_certificate {}/ca.pem;", folder.display());
        serve(port::WANTS_CLIENT, "site.test", &mine, &wants);
        serve(port::BY_ADDRESS, THERE, &ca.signs(THERE, years), "");
        serve(port::RESUMED12, "site.test", &mine, &format!("ssl_protocols TLSv1.2; {log}"));
        serve(port::RESUMED13, "site.test", &mine, &format!("ssl_protocols TLSv1.3; {log}"));
        text.push_str("}\n");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ca = write("ca.pem", &ca.0.pem());
        let other_ca = write("other.pem", &other.0.pem());
        let config = write("nginx.conf", &text);
        let program = start("nginx", &["-e", "stderr", "-c", &config.display().to_string(), "-g", "user root;"]);
        let nginx = Nginx {
            _program: Ending(program),
            folder,
            ca,
            other_ca,
        };
        wait_for(port::GOOD);
        nginx
    }

    /// The certificate that is shown at a port.
    pub fn certificate(&self, port: u16) -> PathBuf {
        self.folder.join(format!("{port}-site.test.pem"))
    }
}

/// A certificate and its key.
struct Made {
    chain: String,
    key: String,
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn signs(&self, name: &str, years: (i32, i32)) -> Made {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, years).signed_by(&key, &self.0).unwrap();
        Made {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn self_signed(name: &str, calls_itself_authority: bool, years: (i32, i32)) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = params(name, years);
    if calls_itself_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Made {
        chain: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    params
}
