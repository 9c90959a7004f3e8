//! The lists of `Accept-Language` and `Accept-Encoding`, with their weights (RFC 9110, section 12.4.2).

/// The members of a list with their weights, in its order. A member whose weight cannot be read is left out: it does
/// not say how much the client likes it, and what is left out is neither preferred nor refused.
pub fn members(list: &str) -> impl Iterator<Item = (&str, f32)> {
    list.split(',').filter_map(|member| {
        let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
        Some((name.trim(), weight(parameters)?))
    })
}

/// The weight among the parameters of a member, 1 if there is none; `None` if it cannot be read.
fn weight(parameters: &str) -> Option<f32> {
    let weight_text = parameters.split(';').find_map(|parameter| {
        let (name, text) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("q").then(|| text.trim())
    });
    match weight_text {
        Some(text) => text.parse().ok().filter(|weight| (0.0..=1.0).contains(weight)),
        None => Some(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_its_weight_or_is_left_out() {
        let list = "en, fr;q=0.5 , nl ; Q=0,de;level=1;q=1.0, *";
        assert_eq!(members(list).collect::<Vec<_>>(), [("en", 1.0), ("fr", 0.5), ("nl", 0.0), ("de", 1.0), ("*", 1.0)]);
        let unreadable = "en;q=x, en;q=, en;q, en;q=2, en;q=-1, en;q=nan, en;q=inf, en;q=0,5";
        assert_eq!(members(unreadable).collect::<Vec<_>>(), [("en", 0.0), ("5", 1.0)]);
    }
}
