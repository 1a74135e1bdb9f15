import { offerTopics } from './find.ts';
import { wishesTopic } from './wish.ts';

/** Of the records in `audit.ts`, and apart from them because pages need those late. */
export const auditTopic = 'tabloom/audit/2';

/** Every topic of the network: a node follows and forwards no other. */
export const gossipTopics: readonly string[] = [...offerTopics, wishesTopic, auditTopic];
