//! Connecting: TLS where the address asks for it, plain where it does not.

use std::str::FromStr;
use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PgOptions, map_error};
use crate::{Error, Result};

pub(super) fn pool(url: &str, options: &PgOptions) -> Result<Pool> {
    let config = parse(url)?;
    let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match tls(&config)? {
        Some(tls) => Manager::from_config(config, tls, recycle),
        None => Manager::from_config(config, NoTls, recycle),
    };
    Pool::builder(manager)
        .max_size(options.connections)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .wait_timeout(Some(std::time::Duration::from_secs(10)))
        .create_timeout(Some(std::time::Duration::from_secs(10)))
        .recycle_timeout(Some(std::time::Duration::from_secs(10)))
        .build()
        .map_err(|e| Error::Invalid(format!("connection pool: {e}")))
}

/// A connection of its own.
#[expect(clippy::disallowed_methods, reason = "the connection's task ends with the client")]
pub(super) async fn single(url: &str) -> Result<Client> {
    let config = parse(url)?;
    Ok(if let Some(tls) = tls(&config)? {
        let (client, connection) = config.connect(tls).await.map_err(|e| map_error(&e))?;
        tokio::spawn(connection);
        client
    } else {
        let (client, connection) = config.connect(NoTls).await.map_err(|e| map_error(&e))?;
        tokio::spawn(connection);
        client
    })
}

/// A connection of its own that holds the advisory lock `key` for as long as it lives.
pub(super) async fn exclusive(url: &str, key: i64) -> Result<Client> {
    let client = single(url).await?;
    let row = client
        .query_one(&format!("SELECT pg_try_advisory_lock({key})"), &[])
        .await
        .map_err(|e| map_error(&e))?;
    if row.try_get::<_, bool>(0).map_err(|e| map_error(&e))? {
        Ok(client)
    } else {
        Err(Error::Conflict("another everthread serves this database".to_owned()))
    }
}

fn parse(url: &str) -> Result<Config> {
    let mut config = Config::from_str(url).map_err(|e| Error::Invalid(format!("database URL: {e}")))?;
    if config.get_application_name().is_none() {
        config.application_name("everthread");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(std::time::Duration::from_secs(5));
    }
    Ok(config)
}

/// `None` where the address says `sslmode=disable`, or says nothing and leads to a socket or to this machine.
fn tls(config: &Config) -> Result<Option<MakeRustlsConnect>> {
    let local = config.get_hosts().iter().all(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        tokio_postgres::config::Host::Unix(_) => true,
    });
    match config.get_ssl_mode() {
        SslMode::Disable => return Ok(None),
        SslMode::Prefer if local => return Ok(None),
        _ => {}
    }
    let mut roots = rustls::RootCertStore::empty();
    for cert in rustls_native_certs::load_native_certs().certs {
        roots.add(cert).ok();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Invalid(format!("TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(tls)))
}
