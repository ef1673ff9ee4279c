package edge

import "testing"

// what opens a link for nobody gets no bytes, and takes no download.
func TestPreviewsOfCappedLinks(t *testing.T) {
	looks := [][]string{
		{"User-Agent", "facebookexternalhit/1.1", "Range", "bytes=0-524287"},
		{"User-Agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
		{"User-Agent", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
		{"User-Agent", "TelegramBot (like TwitterBot)"},
		{"User-Agent", "WhatsApp/2.23.20.0 A"},
		{"Sec-Purpose", "prefetch;prerender"},
		{"Purpose", "prefetch"},
		{"X-Moz", "prefetch"},
	}
	for mode, want := range map[PreviewBots]int64{PreviewRefuse: 0, PreviewCount: int64(len(looks))} {
		w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.PreviewBots = mode })
		path, open := w.link(content(2_000_000), capped(100)), w.link(content(5000), nil)
		for _, look := range looks {
			got := w.get(path, look...)
			if refused := got.status == 403 && len(got.body) < 1000; refused != (mode == PreviewRefuse) {
				t.Errorf("%s, %v: %d, %d bytes", mode, look, got.status, len(got.body))
			}
			if got := w.do("HEAD", path, look...); got.status != 200 {
				t.Errorf("%s, HEAD %v: %d; want 200", mode, look, got.status)
			}
			if got := w.get(open, look...); got.status >= 300 {
				t.Errorf("%s, %v, without a cap: %d", mode, look, got.status)
			}
		}
		opens, _ := w.storeUse()
		if n := w.count(path); mode == PreviewRefuse && (n != want || opens != 1) {
			t.Errorf("%s: count %d, %d reads of the store; want %d, and the uncapped link's one", mode, n, opens, want)
		}
		if got := w.get(path); got.status != 200 {
			t.Errorf("%s: a person got %d", mode, got.status)
		}
	}
}
