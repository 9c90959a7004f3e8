//! The address of a client in one form, whatever way it came; the network that counts as one client; and the proxies
//! that are trusted to name a client.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use actix_web::{HttpRequest, http::header};
use ipnet::{IpNet, Ipv4Net};

/// Bits of an IPv6 address before an embedded IPv4 address.
const EMBEDDED_PREFIX_BITS: u8 = 96;

/// The canonical form of an address. At a dual-stack socket an IPv4 client has an IPv6 address (`::ffff:a.b.c.d`, RFC
/// 4291, section 2.5.5.2), and behind a translator, too (`64:ff9b::a.b.c.d`, RFC 6052, section 2.1): both become the
/// IPv4 address.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
            }
            _ => address.to_canonical(),
        },
        IpAddr::V4(_) => address,
    }
}

/// The network that counts as one client: an IPv4 address, or an IPv6 /64, which one customer has. Takes an address in
/// any form.
pub fn network(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// Addresses and networks from the settings.
#[derive(Debug, Clone, Default)]
pub struct Networks(Arc<[IpNet]>);

impl Networks {
    /// Parses addresses (`192.0.2.1`) and networks (`192.0.2.0/24`); `None` if one is neither.
    pub fn parse(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| parse_network(text)).collect::<Option<Vec<_>>>().map(|networks| Self(networks.into()))
    }

    /// Whether one of the networks contains the address, in any form.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    match (network, canonical(network.addr())) {
        (IpNet::V6(v6), IpAddr::V4(embedded)) if v6.prefix_len() >= EMBEDDED_PREFIX_BITS => {
            Ipv4Net::new(embedded, v6.prefix_len() - EMBEDDED_PREFIX_BITS).ok().map(IpNet::V4)
        }
        _ => Some(network),
    }
}

/// The canonical address of a request's client: the peer; or, behind trusted proxies, the last address in
/// `X-Forwarded-For` that is not a trusted proxy.
pub fn address_of(request: &HttpRequest, trusted_proxies: &Networks) -> Option<IpAddr> {
    let peer = canonical(request.peer_addr()?.ip());
    if !trusted_proxies.contains(peer) {
        return Some(peer);
    }
    // What the client wrote may be invalid text, but what the proxies appended after it is still valid.
    let lines = request.headers().get_all(header::X_FORWARDED_FOR);
    let forwarded: Vec<&[u8]> = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
    for element in forwarded.into_iter().rev() {
        match std::str::from_utf8(element).ok().and_then(|element| parse_address(element.trim())) {
            Some(address) if trusted_proxies.contains(address) => {}
            Some(address) => return Some(address),
            // What the nearest proxy wrote cannot be parsed: nothing before it can be trusted.
            None => break,
        }
    }
    Some(peer)
}

/// An address as proxies write it: alone, or with a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let parsed = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    parsed.map(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_of_an_ipv4_address_is_one_client() {
        for form in ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "64:ff9b::192.0.2.7"] {
            assert_eq!(network(ip(form)), ip("192.0.2.7"), "{form}");
        }
        assert_ne!(network(ip("::ffff:192.0.2.7")), network(ip("::ffff:192.0.2.8")));
        assert_eq!(network(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert!(canonical(ip("::ffff:127.0.0.1")).is_loopback());
    }

    #[test]
    fn a_network_contains_its_addresses_in_every_form() {
        let networks = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            Networks::parse(&texts)
        };
        for written in ["192.0.2.0/24", "::ffff:192.0.2.0/120"] {
            let network = networks(&[written]).unwrap();
            assert!(network.contains(ip("192.0.2.200")) && network.contains(ip("::ffff:192.0.2.200")), "{written}");
            assert!(!network.contains(ip("192.0.3.1")), "{written}");
        }
        let one = networks(&["::ffff:10.0.0.1", "2001:db8::/32"]).unwrap();
        assert!(one.contains(ip("10.0.0.1")) && one.contains(ip("2001:db8:5::1")) && !one.contains(ip("10.0.0.2")));
        assert!(networks(&["10.0.0.0/33"]).is_none() && networks(&["nowhere"]).is_none());
    }

    #[test]
    fn addresses_of_proxies_are_parsed_in_every_form() {
        for (text, parsed) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:443", "192.0.2.7"),
            ("192.0.2.7:443", "192.0.2.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
        ] {
            assert_eq!(parse_address(text), Some(ip(parsed)), "{text}");
        }
        assert_eq!(parse_address("unknown"), None);
    }

    #[test]
    fn a_forged_forwarded_header_does_not_hide_the_client() {
        let proxies = Networks::parse(&["127.0.0.0/8".to_owned()]).unwrap();
        let client = |lines: &[&[u8]]| {
            let mut request = actix_web::test::TestRequest::default().peer_addr("127.0.0.1:9".parse().unwrap());
            for line in lines {
                let line = header::HeaderValue::from_bytes(line).unwrap();
                request = request.append_header((header::X_FORWARDED_FOR, line));
            }
            address_of(&request.to_http_request(), &proxies)
        };
        for lines in [
            &[b"192.0.2.7".as_slice()] as &[&[u8]],
            &[b"192.0.2.9, 192.0.2.7"],
            &[b"\xff, 192.0.2.7"],
            &[b"\xff", b"192.0.2.7"],
            &[b"nobody, 192.0.2.7, 127.0.0.2"],
        ] {
            assert_eq!(client(lines), Some(ip("192.0.2.7")), "{lines:?}");
        }
        assert_eq!(client(&[b"192.0.2.7, \xff"]), Some(ip("127.0.0.1")), "the proxy's own word is not readable");
    }
}
