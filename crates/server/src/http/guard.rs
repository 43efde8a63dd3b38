//! A client that refuses private and link-local addresses, after DNS and on every redirect, unless the operator
//! allowed the host (`[network] allow_private`).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use everthread_channels::WireRequest;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Answer, builder, send};

/// Redirects followed; media hosts use one or two.
const REDIRECTS_MAX: usize = 5;

/// A guarded client. `allowed` names hosts (`host` or `host:port`) that may be private.
#[derive(Clone, Debug)]
pub struct Guarded {
    inner: reqwest::Client,
    allowed: Arc<[String]>,
}

impl Guarded {
    /// Fails only where the system has no TLS roots.
    pub fn new(allowed: &[String]) -> Result<Self, reqwest::Error> {
        let allowed: Arc<[String]> = allowed.into();
        let for_redirects = Arc::clone(&allowed);
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("too many redirects")
            } else if literal_is_private(attempt.url(), &for_redirects) {
                attempt.error("redirected to a private address")
            } else {
                attempt.follow()
            }
        });
        let resolver = Resolver { allowed: Arc::clone(&allowed) };
        let inner = builder().redirect(policy).dns_resolver(Arc::new(resolver)).no_proxy().build()?;
        Ok(Self { inner, allowed })
    }

    /// One call whose answer holds at most `bytes_max` bytes.
    pub async fn call(&self, request: &WireRequest, bytes_max: usize) -> Answer {
        match reqwest::Url::parse(&request.url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Answer::NotSent { error: format!("only http and https are fetched, not {}", url.scheme()) }
            }
            Ok(url) if literal_is_private(&url, &self.allowed) => Answer::NotSent {
                error: "a private address; an operator can allow the host under [network] allow_private"
                    .into(),
            },
            Ok(_) => send(&self.inner, request, bytes_max).await,
            Err(e) => Answer::NotSent { error: format!("not an address: {e}") },
        }
    }
}

/// True for an address literal in the URL that is private and not allowed. Names are checked after DNS.
fn literal_is_private(url: &reqwest::Url, allowed: &[String]) -> bool {
    let Some(host) = url.host_str() else { return true };
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let with_port = url.port_or_known_default().map(|p| format!("{host}:{p}"));
    let is_allowed = allowed.iter().any(|a| a == host || Some(a) == with_port.as_ref());
    !is_allowed && literal.is_ok_and(is_private)
}

/// True for every address that is not on the public internet.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0)
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_private(v4),
            None => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6.segments()[..2] == [0x2001, 0x0db8]
            }
        },
    }
}

/// The IPv4 address inside a mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) address.
fn embedded_v4(v6: Ipv6Addr) -> Option<IpAddr> {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Some(v4.into());
    }
    let octets = v6.octets();
    let nat64 = v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let last: Option<[u8; 4]> = octets[12..].try_into().ok();
    last.filter(|_| nat64).map(IpAddr::from)
}

struct Resolver {
    allowed: Arc<[String]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let open = self.allowed.iter().any(|a| a.split(':').next() == Some(&host));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let kept: Vec<SocketAddr> = found.into_iter().filter(|a| open || !is_private(a.ip())).collect();
            if kept.is_empty() {
                return Err(format!("{host} leads only to private addresses").into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_in_every_dress() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "192.0.0.8",
            "255.255.255.255",
        ] {
            assert!(is_private(text.parse().expect("ip")), "{text}");
        }
        for text in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(!is_private(text.parse().expect("ip")), "{text}");
        }
    }

    #[test]
    fn a_literal_is_let_through_only_where_allowed() {
        let url = reqwest::Url::parse("http://127.0.0.1:8091/file").expect("url");
        assert!(literal_is_private(&url, &[]));
        assert!(!literal_is_private(&url, &["127.0.0.1:8091".into()]));
        assert!(literal_is_private(&url, &["127.0.0.1:9".into()]));
    }
}
