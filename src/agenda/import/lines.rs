//! Line numbers in a file.

/// Positions of the line breaks of a text.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect())
    }

    /// Number of the line that holds the byte at `place`, from 1.
    pub fn line(&self, place: usize) -> usize {
        self.0.partition_point(|line_break| *line_break < place) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_byte_stands_in_the_line_that_it_is_in() {
        let lines = Lines::of("ab\nc\n\nd");
        let of: Vec<_> = (0..8).map(|place| lines.line(place)).collect();
        assert_eq!(of, [1, 1, 1, 2, 2, 3, 4, 4]);
    }
}
