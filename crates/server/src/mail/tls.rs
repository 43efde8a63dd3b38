//! TLS towards IMAP servers, with the system's roots.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// The connector, made once: reading the roots takes a while.
pub(super) fn connector() -> Result<TlsConnector, String> {
    static ONCE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(known) = ONCE.get() {
        return Ok(TlsConnector::from(Arc::clone(known)));
    }
    let mut roots = RootCertStore::empty();
    for root in rustls_native_certs::load_native_certs().certs {
        // A root that the library does not understand leads to refused servers, not to trusted ones.
        let _ = roots.add(root);
    }
    if roots.is_empty() {
        return Err("this system has no TLS roots; install its package of CA certificates".to_owned());
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::clone(ONCE.get_or_init(|| Arc::new(config)))))
}
