import './index.css';
import './cards.css';
