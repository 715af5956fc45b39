// Applications of frameworks: Nest as its command line generates them, and a route of Next.js.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { npm, quietly } from '../tools.ts'
import { type Project, type Surroundings, writeFiles } from './project.ts'

/**
 * Starts a server by the rest of its arguments, with a free port in `PORT`; posts an order to the
 * path that the environment names until it responds, and ends the server.
 */
const drive = `
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const port = await freePort()
const [command, ...args] = process.argv.slice(2)
const env = { ...process.env, PORT: String(port) }
const server = spawn(command, args, { env, stdio: 'inherit' })
const post = async () => {
  for (let attempt = 1; attempt <= 120; attempt++) {
    try {
      const url = 'http://127.0.0.1:' + port + process.env.ORDERS_PATH
      const response = await fetch(url, { method: 'POST', body: 'an order' })
      return { status: response.status, text: await response.text() }
    } catch {
      await pause(500)
    }
  }
  return { status: 0, text: 'the server did not respond' }
}
const { status, text } = await post()
server.kill('SIGKILL')
if (status !== 201 || !text.includes('"offset"')) throw new Error(status + ': ' + text)
`

const ordersController = `
import { MillraceClient } from '@millrace/nestjs'
import { Controller, Inject, Post } from '@nestjs/common'
import { firstValueFrom } from 'rxjs'

@Controller('orders')
export class OrdersController {
  constructor(@Inject('ORDERS') private readonly orders: MillraceClient) {}

  @Post()
  async place(): Promise<{ offset: number }> {
    const order = { key: 'customer-7', value: { total: 12 } }
    const { offset } = await firstValueFrom(this.orders.emit('orders', order))
    return { offset }
  }
}
`

const ordersSpec = (extension: string) => `
import { MillraceClient } from '@millrace/nestjs'
import { Test } from '@nestjs/testing'
import { RecordingProducer } from 'millrace/testing'
import { OrdersController } from './orders.controller${extension}'

describe('OrdersController', () => {
  it('places an order', async () => {
    const producer = new RecordingProducer()
    const client = new MillraceClient({ producer })
    const module = await Test.createTestingModule({
      controllers: [OrdersController],
      providers: [{ provide: 'ORDERS', useValue: client }],
    }).compile()
    const { offset } = await module.get(OrdersController).place()
    expect(offset).toBe(0)
    expect(producer.records.length).toBe(1)
  })
})
`

const ordersEndToEnd = (extension: string) => `
import { INestApplication } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import request from 'supertest'
import { AppModule } from './../src/app.module${extension}'

describe('orders (e2e)', () => {
  let app: INestApplication

  beforeEach(async () => {
    const moduleFixture = await Test.createTestingModule({ imports: [AppModule] }).compile()
    app = moduleFixture.createNestApplication()
    await app.init()
  })

  it('/orders (POST)', async () => {
    const { body } = await request(app.getHttpServer()).post('/orders').expect(201)
    expect(body.offset).toBeGreaterThanOrEqual(0)
  })

  afterEach(async () => {
    await app.close()
  })
})
`

const appModule = (extension: string) => `
import { MillraceModule } from '@millrace/nestjs'
import { Module } from '@nestjs/common'
import { AppController } from './app.controller${extension}'
import { AppService } from './app.service${extension}'
import { OrdersController } from './orders.controller${extension}'

@Module({
  imports: [
    MillraceModule.register({
      name: 'ORDERS',
      producer: { brokers: process.env.MILLRACE_BROKERS ?? 'localhost:9092' },
    }),
  ],
  controllers: [AppController, OrdersController],
  providers: [AppService],
})
export class AppModule {}
`

/** Generates the application, installs it with our packages, and adds a controller that sends. */
const generate =
  (extension: string, microservices: string) =>
  async ({ folder, tarballs, run }: Surroundings): Promise<void> => {
    const generated = ['--skip-git', '--skip-install', '--package-manager', 'npm']
    await run(['nest', 'new', 'shop', ...generated])
    const shop = join(folder, 'shop')
    const ours = ['millrace', '@millrace/nestjs'].map((name) => tarballs.get(name)!.path)
    await npm(['install', ...quietly, ...ours, microservices], { cwd: shop })
    await writeFiles(shop, {
      'src/app.module.ts': appModule(extension),
      'src/orders.controller.ts': ordersController,
      'src/orders.controller.spec.ts': ordersSpec(extension),
      'test/orders.e2e-spec.ts': ordersEndToEnd(extension),
    })
    await writeFile(join(shop, 'drive.mjs'), drive)
  }

const inShop = (...args: string[]) => ['npm', '--prefix', 'shop', 'run', ...args]

const nest = (major: 11 | 12, cli: string, extension: string): Project => ({
  name: `Nest ${major}, as its command line generates it`,
  tested: cli,
  quick: false,
  install: [cli],
  files: { 'package.json': JSON.stringify({ name: 'generated', private: true }) },
  prepare: generate(extension, `@nestjs/microservices@${major}`),
  commands: [
    inShop('test'),
    inShop('test:e2e'),
    inShop('build'),
    ['node', 'shop/drive.mjs', 'node', 'shop/dist/main.js'],
  ],
  environment: { ORDERS_PATH: '/orders' },
  records: 2,
})

const route = `
import { Producer } from 'millrace'

const producer = new Producer({ brokers: process.env.MILLRACE_BROKERS!, compression: 'lz4' })

export async function POST(request: Request): Promise<Response> {
  const { partition, offset } = await producer.send({
    topic: 'orders',
    value: await request.text(),
  })
  return Response.json({ partition, offset }, { status: 201 })
}
`

const next = (name: string, options: readonly string[]): Project => ({
  name: `Next.js, a route handler, ${name}`,
  tested: 'Next.js 16.4.6',
  quick: false,
  install: [
    'next@16.4.6',
    'react@19',
    'react-dom@19',
    'typescript@5.9.3',
    '@types/node@20.19.43',
    '@types/react@19',
  ],
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'app/layout.tsx': `
import type { ReactNode } from 'react'

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
`,
    'app/page.tsx': `
export default function Page() {
  return <p>Orders</p>
}
`,
    'app/api/orders/route.ts': route,
    'drive.mjs': drive,
  },
  commands: [
    ['next', 'build', ...options],
    ['node', 'drive.mjs', 'next', 'start'],
  ],
  forbidden: /Critical dependency|in edge runtime/,
  environment: { ORDERS_PATH: '/api/orders', NEXT_TELEMETRY_DISABLED: '1' },
  records: 1,
})

export const frameworkProjects: readonly Project[] = [
  nest(11, '@nestjs/cli@11.0.24', ''),
  nest(12, '@nestjs/cli@12.0.8', '.js'),
  next('built by Turbopack', []),
  next('built by webpack', ['--webpack']),
]
