/** Writes the generated pages of docs/; `npm run docs`. A test compares them with what stands there. */
import { writeFileSync } from 'node:fs'
import { configPage } from './config-page.ts'
import { demoPicture } from './demo-picture.ts'
import { detectionsPage } from './detections-page.ts'
import { fieldsPage } from './fields-page.ts'

writeFileSync(new URL('../docs/fields.md', import.meta.url), fieldsPage())
writeFileSync(new URL('../docs/config.md', import.meta.url), configPage())
writeFileSync(new URL('../docs/detections.md', import.meta.url), detectionsPage())
writeFileSync(new URL('../docs/demo.svg', import.meta.url), await demoPicture())
