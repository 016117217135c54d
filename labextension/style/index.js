import './index.css';
import './cards.css';
import './forms.css';
