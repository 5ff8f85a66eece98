import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { createStreamsDocument } from 'nestjs-streams/swagger';
import { AppModule } from './app.module.js';
import { readEnvironment } from './environment.js';

const logger = new Logger('Bank');

async function bootstrap(): Promise<void> {
  const environment = readEnvironment(process.env);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(environment), new FastifyAdapter());
  app.enableShutdownHooks();
  await app.init();
  const description = new DocumentBuilder().setTitle('Bank').setDescription('Balances of accounts.').build();
  SwaggerModule.setup('api', app, createStreamsDocument(app, description));
  await app.listen(environment.port, '0.0.0.0');
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  logger.log(
    [
      'Ask me:',
      `  curl ${url}/stores`,
      `  curl '${url}/stores/balances/entries?limit=5'`,
      `  curl ${url}/stores/balances/entries/acc-0001`,
      `  curl ${url}/stores/balances/count`,
      `  curl -N ${url}/stores/balances/changes`,
      `  curl ${url}/api-json`,
      `  curl ${url}/health/ready`,
      `  curl ${url}/metrics`,
    ].join('\n'),
  );
}

try {
  await bootstrap();
} catch (error) {
  logger.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
