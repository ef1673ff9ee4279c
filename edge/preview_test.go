package edge

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

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

// previewers are the User-Agents of what opens links on its own, by the entry of
// previewAgents that stands for it. The makers of the last three publish none.
var previewers = map[string]string{
	"facebookexternalhit": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
	"facebot":             "Facebot/1.0",
	"whatsapp":            "WhatsApp/2.23.20.0 A",
	"twitterbot":          "Twitterbot/1.0",
	"slackbot":            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
	"slack-imgproxy":      "Slack-ImgProxy 1.138 (+https://api.slack.com/robots)",
	"discordbot":          "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
	"telegrambot":         "TelegramBot (like TwitterBot)",
	"linkedinbot":         "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
	"skypeuripreview":     "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
	"microsoftpreview":    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; MicrosoftPreview/2.0; +https://aka.ms/MicrosoftPreview) Chrome/80.0.345.0 Safari/537.36",
	"bingpreview":         "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
	"redditbot":           "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
	"pinterestbot":        "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
	"mastodon/":           "http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.social/)",
	"viber":               "Viber",
	"line-poker":          "facebookexternalhit/1.1;line-poker/1.0",
	"vkshare":             "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
	"iframely":            "Iframely/1.3.1 (+https://iframely.com/docs/about) Atlassian",
	"embedly":             "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)",
	"googlebot":           "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"bingbot":             "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
	"applebot":            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Applebot/0.1; +http://www.apple.com/go/applebot)",
	"yandexbot":           "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
	"google-pagerenderer": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/56.0.2924.87 Safari/537.36 Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)",
	"barracuda":           "Barracuda Sentinel (EE)",
	"safelinks":           "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 (compatible; Microsoft SafeLinks)",
	"proofpoint":          "Mozilla/5.0 (compatible; Proofpoint)",
	"mimecast":            "Mozilla/5.0 (compatible; Mimecast)",
}

const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"

// none of the agents that are known takes the only download there is.
func TestEveryPreviewAgent(t *testing.T) {
	for _, entry := range previewAgents {
		if previewers[string(entry)] == "" {
			t.Errorf("%s: no User-Agent to try it with", entry)
		}
	}
	w := newWorld(t, func(c *Config, _ *Parts, _ *world) { c.PreviewBots = PreviewRefuse })
	want := content(5000)
	for entry, agent := range previewers {
		if !slices.ContainsFunc(previewAgents, func(e []byte) bool { return string(e) == entry }) || !strings.Contains(strings.ToLower(agent), entry) {
			t.Errorf("%s: not listed, or not a part of %q", entry, agent)
		}
		path := w.link(want, capped(1))
		before, _ := w.storeUse()
		for _, headers := range [][]string{{"User-Agent", agent}, {"User-Agent", agent, "Range", "bytes=0-524287"}} {
			if got := w.get(path, headers...); got.status != 403 || !bytes.Equal(got.body, refusedPreview.json) {
				t.Errorf("%v: %d, %.100q; want 403 and no bytes of the file", headers, got.status, got.body)
			}
		}
		if opens, _ := w.storeUse(); opens != before || w.count(path) != 0 {
			t.Errorf("%s: %d reads of the store, count %d; want none", entry, opens-before, w.count(path))
		}
		if got := w.get(path, "User-Agent", browser); got.status != 200 || !bytes.Equal(got.body, want) || w.count(path) != 1 {
			t.Errorf("after %s a browser got %d, %d bytes, count %d; want all of it, 1", entry, got.status, len(got.body), w.count(path))
		}
	}
}
