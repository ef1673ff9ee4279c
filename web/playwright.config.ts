import { defineConfig } from '@playwright/test'

// A machine's own Chromium: nothing is downloaded. It makes no connection but to
// the pages under test.
export const chromium = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
}

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'e2e/results',
  workers: 1, // one Rawlink, two cores
  timeout: 180_000, // they are for what never comes: a machine may be busy
  expect: { timeout: 30_000 },
  forbidOnly: true,
  reporter: [['list']],
  use: { browserName: 'chromium', launchOptions: chromium, locale: 'en-GB', timezoneId: 'Europe/Berlin', viewport: { width: 1280, height: 800 } },
})
